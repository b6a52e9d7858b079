"""Metrics: pure functions of tensors in one file per subject, streaming accumulators in ``streaming``.

Unknown labels (NaN for action units and landmarks, -1 for expressions) never count.
"""
