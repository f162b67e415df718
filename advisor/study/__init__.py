"""Studies of how good the answers are: robustness, calibration, ablation, growth, the report."""
