"""Classifiers as strangers export them: torch's modules by both exporters, scikit-learn's, and TensorFlow's and Paddle's idioms."""
