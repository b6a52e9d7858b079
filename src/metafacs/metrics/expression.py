"""Scores of expression recognition, all made of one confusion matrix."""

from __future__ import annotations

import torch
from torch import Tensor


def confusion_matrix(predicted: Tensor, targets: Tensor, classes: int) -> Tensor:
    """Count predictions against targets.

    Args:
        predicted: ``sample``, class index, or ``sample x expression`` scores whose largest is taken.
        targets: ``sample``, class index; -1 unknown, left out.
        classes: Number of expression classes.

    Returns:
        ``expression x expression``, long; row = target, column = prediction.

    Raises:
        ValueError: If lengths differ or an index lies outside the classes.
    """
    if predicted.ndim == 2:
        predicted = predicted.argmax(dim=1)
    if predicted.shape != targets.shape:
        raise ValueError(f"{len(predicted)} predictions do not fit {len(targets)} targets")
    known = targets >= 0
    predicted, targets = predicted[known].long(), targets[known].long()
    if len(targets) and int(torch.maximum(predicted, targets).max()) >= classes:
        raise ValueError(f"an expression index is not below the number of classes, {classes}")
    return torch.bincount(targets * classes + predicted, minlength=classes**2).reshape(classes, classes)


def expression_accuracy(confusion: Tensor) -> Tensor:
    """Return the share of pictures whose expression was recognised, in [0, 1]; NaN without pictures."""
    return confusion.diagonal().sum().double() / confusion.sum()


def class_recalls(confusion: Tensor) -> Tensor:
    """Return the share recognised of each class, ``expression``, in [0, 1]; NaN without pictures of it."""
    return confusion.diagonal().double() / confusion.sum(dim=1)


def mean_recall(confusion: Tensor) -> Tensor:
    """Return the mean over classes of the share recognised, over the classes that have pictures.

    "Diag." in Table 2 of the RAF-CE paper: the mean diagonal value of the row-normalised confusion matrix.
    """
    return class_recalls(confusion).nanmean()
