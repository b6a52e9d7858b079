"""Fitting a trained model to one person from a few labelled pictures."""
