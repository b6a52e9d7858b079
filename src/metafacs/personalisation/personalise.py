"""Personalisation: fit a model to one person's labelled pictures, and use it only where it helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.methods import FEW_SHOT
from metafacs.personalisation.fitting import Fitting
from metafacs.personalisation.person import FITTINGS, Outcome, Person
from metafacs.personalisation.support import Support
from metafacs.personalisation.support_faces import cut_faces

FOLDS = 5
_NEEDED = 2
_CUT = 0.5


def personalise(
    checkpoint: Checkpoint,
    images: Tensor,
    labels: NDArray[np.float32],
    aus: Sequence[int],
    *,
    groups: NDArray[np.int64] | None = None,
    kind: str = "last",
    thresholds: Mapping[int, float] | None = None,
    device: str = "cpu",
) -> Person:
    """Fit a model to one person and keep each action unit that gets better.

    What is fitted is judged by cross-validation on the labelled pictures: an AU is kept if the fitted
    detector's balanced accuracy on pictures it was not fitted to is above the general one's (above one half
    for an AU that the model does not know).

    Args:
        checkpoint: The model.
        images: ``picture x 3 x height x width``, the faces as the model reads them.
        labels: ``picture x au``, 1 present, 0 absent, NaN unknown.
        aus: FACS numbers of the columns, known to the model or new.
        groups: Number of the moment a picture shows: pictures of one moment are never on both sides of a
            check, and count as one where too few are refused; None for a moment each.
        kind: Name in ``FITTINGS``: ``last`` (kilobytes), ``full`` (megabytes), or ``meta_learned`` for a
            few-shot learner.
        thresholds: AU -> probability from which on the general detector says present; .5 if not given.
        device: Where the model runs.

    Returns:
        What was fitted and kept, with the outcome of every AU; nothing may be kept.
    """
    fitting = FITTINGS[kind](checkpoint, device)
    images, targets = images.to(device), torch.from_numpy(labels)
    moments = np.arange(len(labels)) if groups is None else groups
    reasons = {au: _lacking(labels[:, column], moments, au in fitting.aus) for column, au in enumerate(aus)}
    fitted = [column for column, au in enumerate(aus) if reasons[au] is None]
    checked = (
        _cross_validated(fitting, images, targets[:, fitted], [aus[c] for c in fitted], moments)
        if fitted
        else np.empty((len(labels), 0))
    )
    with torch.no_grad():
        own = fitting.general(images).double().cpu().numpy()
    general = dict(zip(fitting.aus, own.T, strict=True))
    outcomes = []
    for column, au in enumerate(aus):
        truth, reason = labels[:, column], reasons[au]
        counts = int((truth == 1).sum()), int((truth == 0).sum())
        if reason is not None:
            outcomes.append(Outcome(au, *counts, kept=False, reason=reason))
            continue
        found = checked[:, fitted.index(column)]
        # Where nothing could be learned from the other pictures, the answer counts as wrong.
        after = _scores(truth, np.where(np.isnan(found), truth != 1, found >= _CUT))
        cut = (thresholds or {}).get(au, _CUT)
        before = _scores(truth, general[au] >= cut) if au in general else (None, None)
        outcomes.append(_outcome(au, counts, before, after))
    kept = [column for column, outcome in enumerate(outcomes) if outcome.kept]
    numbers = [aus[column] for column in kept]
    return Person(
        kind=kind,
        model=checkpoint.fingerprint,
        aus=tuple(numbers),
        tensors=fitting.fit(images, targets[:, kept], numbers) if kept else {},
        outcomes=tuple(outcomes),
        synthetic=checkpoint.description.synthetic,
    )


def fit_support(
    checkpoint: Checkpoint, support: Support, *, mode: str | None = None, device: str = "cpu"
) -> tuple[Person, tuple[str, ...]]:
    """Cut the faces of a person's labelled pictures out and fit a model to them.

    Args:
        checkpoint: The model.
        support: The labelled pictures.
        mode: ``last`` (the default) or ``full``; None of a few-shot learner, which is fitted in its own way.
        device: Where the model runs.

    Returns:
        What was fitted and kept, see :func:`personalise`, and sentences on whose face was taken of which
        picture.

    Raises:
        ValueError: If a picture cannot be used, or ``mode`` is given of a few-shot learner.
    """
    learner = checkpoint.method in FEW_SHOT
    if learner and mode is not None:
        raise ValueError(
            f"{checkpoint.source} is a few-shot learner, which is fitted in its own way; drop --mode"
        )
    faces = cut_faces(support, checkpoint.description.framing, device=device)
    person = personalise(
        checkpoint,
        faces.images,
        faces.labels,
        support.aus,
        groups=faces.groups,
        kind="meta_learned" if learner else mode or "last",
        thresholds={au: checkpoint.description.threshold_of(au) for au in checkpoint.aus},
        device=device,
    )
    return person, faces.notes


def assign_folds(
    labels: NDArray[np.float32], groups: NDArray[np.int64], folds: int = FOLDS
) -> NDArray[np.int64]:
    """Return a fold for every picture: groups stay whole, rare labels are spread evenly.

    Groups are dealt out beginning with those of the rarest label, each to the fold that has the fewest of
    that label (iterative stratification, Sechidis et al. 2011).

    Args:
        labels: ``picture x au``, 1, 0 or NaN.
        groups: ``picture``.
        folds: Largest number of folds; no more than groups.

    Returns:
        ``picture``, from 0.

    >>> assign_folds(np.array([[1], [1], [0], [0]], np.float32), np.arange(4), 2).tolist()
    [0, 1, 0, 1]
    """
    names, places = np.unique(groups, return_inverse=True)
    count = min(folds, len(names))
    kinds = np.concatenate([labels == 1, labels == 0], axis=1)
    content = np.stack([kinds[places == group].any(axis=0) for group in range(len(names))])
    assigned = np.full(len(names), -1)
    while (assigned < 0).any():
        open_groups = assigned < 0
        left = content[open_groups].sum(axis=0)
        if not left.any():
            rarest, candidates = None, np.flatnonzero(open_groups)
        else:
            rarest = int(np.where(left > 0, left, np.iinfo(int).max).argmin())
            candidates = np.flatnonzero(open_groups & content[:, rarest])
        for group in candidates:
            sizes = np.bincount(assigned[assigned >= 0], minlength=count)
            having = (
                sizes
                if rarest is None
                else np.bincount(assigned[(assigned >= 0) & content[:, rarest]], minlength=count)
            )
            assigned[group] = np.lexsort((sizes, having))[0]
    return assigned[places]


def _lacking(truth: NDArray[np.float32], moments: NDArray[np.int64], known: bool) -> str | None:
    """Return what pictures an AU lacks to be fitted and checked, or None."""
    positives, negatives = (len(np.unique(moments[truth == kind])) for kind in (1, 0))
    if negatives < _NEEDED or (positives < _NEEDED and not (positives == 0 and known)):
        what = "pictures with it and 2 without" if positives or not known else "pictures without it"
        return f"too few labels to be checked: give at least 2 {what}, each of another moment"
    return None


def _cross_validated(
    fitting: Fitting, images: Tensor, labels: Tensor, aus: Sequence[int], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return ``picture x au`` probabilities, each by a detector that was not fitted to the picture."""
    folds = assign_folds(labels.numpy(), groups)
    found = np.full(labels.shape, np.nan)
    for fold in range(folds.max() + 1):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        # Without a negative left there is nothing to learn from: the pictures keep NaN.
        usable = [c for c in range(len(aus)) if bool((labels[inside, c] == 0).any())]
        if not usable:
            continue
        numbers = [aus[c] for c in usable]
        tensors = fitting.fit(images[inside], labels[inside][:, usable], numbers)
        with torch.no_grad():
            probabilities = fitting.predictor(tensors, numbers)(images[outside]).probabilities
        found[outside[:, None], usable] = probabilities.double().cpu().numpy()
    return found


def _scores(truth: NDArray[np.float32], present: NDArray[np.bool_]) -> tuple[float, float]:
    """Return accuracy and balanced accuracy on the known labels."""
    right = [float((present[truth == kind] == bool(kind)).mean()) for kind in (0, 1) if (truth == kind).any()]
    known = ~np.isnan(truth)
    return float((present[known] == (truth[known] == 1)).mean()), float(np.mean(right))


def _outcome(
    au: int,
    counts: tuple[int, int],
    before: tuple[float | None, float | None],
    after: tuple[float, float],
) -> Outcome:
    new = before[1] is None
    kept = after[1] > (_CUT if before[1] is None else before[1])
    if kept:
        reason = "new" if new else "fitted" if counts[0] else "calibrated"
    else:
        reason = "could not be learned" if new else "did not help: the general detector stays"
    return Outcome(
        au,
        *counts,
        kept=kept,
        reason=reason,
        accuracy=(before[0], after[0]),
        balanced=(before[1], after[1]),
    )
