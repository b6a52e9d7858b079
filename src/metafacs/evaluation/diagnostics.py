"""How a training ended: at which levels its telling curves, or with which game lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.evaluation.expression_results import Count
from metafacs.methods.base import Diagnostic, Learner

LAST = 100
"""Iterations that a level is a mean over."""


@dataclass(frozen=True)
class Level:
    """Where a curve ended.

    Attributes:
        title: What the curve is called in tables.
        value: Mean over the last iterations.
        chance: Level of an answer that knows nothing; None where there is no such level.
        meaning: How to read it, a clause; empty where that is plain.
        lost_below: Value below which a game is lost; None where there is none.
        lost_above: Value above which a game is lost; None where there is none.
    """

    title: str
    value: float
    chance: float | None = None
    meaning: str = ""
    lost_below: float | None = None
    lost_above: float | None = None

    @property
    def doubtful(self) -> bool:
        """Whether a run ended where its game counts as lost.

        A run that does so early is ended; one that sinks in its last iterations has scores.
        """
        below = self.lost_below is not None and self.value < self.lost_below
        return below or (self.lost_above is not None and self.value > self.lost_above)

    def __str__(self) -> str:
        chance = "" if self.chance is None else f" (chance {self.chance:.3g})"
        meaning = f": {self.meaning}" if self.meaning else ""
        doubt = "; this run ended where its game counts as lost: doubt its scores" if self.doubtful else ""
        return f"{self.title} {self.value:.3g}{chance}{meaning}{doubt}"


@dataclass(frozen=True)
class Lost:
    """Why a run has no scores: it ended by itself, as it would with every try.

    Attributes:
        reason: What was lost, in words.
        iteration: When.
        planned: Iterations that the run should have had.
    """

    reason: str
    iteration: Count
    planned: Count

    def __str__(self) -> str:
        return f"{self.reason} at iteration {self.iteration:,} of {self.planned:,}"


def levels_of(checkpoint: Checkpoint, learner: Learner, planned: int | None = None) -> dict[str, Level]:
    """Return where the curves ended that a learner says are telling, by the names of the curves.

    Args:
        checkpoint: A run that ended, or as far as it went.
        learner: What it trained.
        planned: Iterations that the run should have had; None = those it had.
    """
    telling = learner.diagnostics(checkpoint.description.framing.input_size)
    return last_levels(checkpoint.history, telling, planned or checkpoint.iteration)


def last_levels(
    history: Mapping[str, Sequence[float]], diagnostics: Iterable[Diagnostic], iterations: int
) -> dict[str, Level]:
    """Return the mean of each telling curve over the last :data:`LAST` iterations, by the curve's name.

    A curve without a point there is left out, as is one that an earlier version did not draw.

    Args:
        history: Curves, all as long as ``iteration``, whose values are the last iterations of the points.
        diagnostics: Which curves are telling.
        iterations: Of the whole run, to which ``until`` is a share.
    """
    ends = np.array(history.get("iteration", ()), dtype=float)
    lengths = np.diff(ends, prepend=0.0)
    levels = {}
    for told in diagnostics:
        within = ends <= told.until * iterations
        if told.curve not in history or not within.any():
            continue
        read = within & (ends > ends[within][-1] - LAST)
        value = float(np.average(np.array(history[told.curve])[read], weights=lengths[read]))
        levels[told.curve] = Level(
            told.title, value, told.chance, told.meaning, told.lost_below, told.lost_above
        )
    return levels
