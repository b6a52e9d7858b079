"""The record of a run that ended by itself: a result without scores."""

from __future__ import annotations

import math
from pathlib import Path

from metafacs.data.splits import Side
from metafacs.data.store import Store
from metafacs.evaluation.diagnostics import Lost, levels_of
from metafacs.evaluation.held_out import choose_test_split
from metafacs.evaluation.protocols import described, tested_data
from metafacs.evaluation.records import Record
from metafacs.evaluation.scoring import package_versions
from metafacs.methods.base import Method
from metafacs.training.trainer import RUN, LostRunError


def lost_record(error: LostRunError, action_units: Path | str, *, side: Side = "test") -> Record:
    """Return the record of a run that ended by itself: what was lost, its curves up to there, no scores.

    Args:
        error: What ended it.
        action_units: Prepared store that it should have been tested on.
        side: Of the split.

    Raises:
        SplitError: If it has learned from somebody it would be tested on.
    """
    run, store = error.run, Store(action_units)
    planned = int(run.description.more[RUN]["iterations"])
    unknown = dict.fromkeys(run.aus, math.nan)
    return Record(
        method=run.method,
        data=tested_data(run, store, choose_test_split(run, store), side),
        seed=run.description.seed,
        aus=run.aus,
        f1=unknown,
        f1_average=math.nan,
        accuracy=unknown,
        auc=unknown,
        positives=dict.fromkeys(run.aus, 0),
        per_subject={},
        config=described(run),
        seconds={"train": run.seconds},
        iterations=run.iteration,
        history=run.history,
        versions=package_versions(),
        diagnostics=levels_of(run, run.build(Method), planned),
        lost=Lost(error.reason, run.iteration, planned),
    )
