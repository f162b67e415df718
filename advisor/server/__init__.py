"""`dladvisor serve`: the advisor over HTTP (extra `serve`)."""
