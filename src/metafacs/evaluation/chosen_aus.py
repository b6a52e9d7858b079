"""Records as if fewer action units had been tested."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import spread


def of_aus(record: Record, aus: Collection[int]) -> Record:
    """Return a record with the scores and counts of some of its AUs.

    What it tells of the average over all of them, its interval and the AUC by person, is left out.

    Args:
        record: Of a run with scores.
        aus: FACS numbers; those that were not tested are left out.
    """
    columns = [column for column, au in enumerate(record.aus) if au in aus]
    chosen = tuple(record.aus[column] for column in columns)
    f1 = {au: record.f1[au] for au in chosen}
    return replace(
        record,
        aus=chosen,
        f1=f1,
        f1_average=spread(f1.values()).mean,
        accuracy={au: record.accuracy[au] for au in chosen},
        auc={au: record.auc[au] for au in chosen},
        positives={au: record.positives[au] for au in chosen},
        per_subject={
            person: {name: [told[column] for column in columns] for name, told in counts.items()}
            for person, counts in record.per_subject.items()
        },
        interval=None,
        auc_by_unit=(),
    )
