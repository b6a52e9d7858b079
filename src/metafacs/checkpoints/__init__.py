"""Trained models on disk: the file, its description, the model it holds."""
