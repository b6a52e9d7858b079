"""Faces: detect, landmark, align. The only crop in the project."""
