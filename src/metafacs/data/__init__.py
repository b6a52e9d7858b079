"""Data sets, their synthetic twins, splits, prepared stores and streams of batches."""
