"""Metrics: pure functions of tensors, one file per subject.

Unknown labels (NaN for action units and landmarks, -1 for expressions) never count.
"""
