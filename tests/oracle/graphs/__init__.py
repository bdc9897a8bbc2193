"""Random valid graphs of several operators."""
