"""Evaluation on held-out people: predictions, their scores, records on disk, and statistics over records."""
