"""Making the artefacts that are shipped; needs the extra `train`."""
