"""Losses as pure functions of tensors; each returns one value per sample unless it says otherwise."""
