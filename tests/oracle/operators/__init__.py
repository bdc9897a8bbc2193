"""One-operator classifiers for `operators_sweep.py`: which operators, with which attributes."""
