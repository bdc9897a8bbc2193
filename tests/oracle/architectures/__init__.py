"""The architectures of `models_sweep.py`: which, how they are built and exported, and what is right for them."""
