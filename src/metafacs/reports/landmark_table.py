"""How far predicted landmarks are off, as a table like Table 6 of Shang & Liu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import DataSource
from metafacs.evaluation.statistics import spread
from metafacs.reports.published import LANDMARK_ERRORS
from metafacs.reports.tables import Column, Table, faces_in_words, percent


def landmark_table(scores: Mapping[str, Sequence[LandmarkScores]], data: DataSource) -> Table:
    """Return mean error and failure rate per row in percent.

    Args:
        scores: Name of the row -> scores of its runs; a row without runs is left out.
        data: What the runs were tested on.
    """
    tested = any(run.synthetic for runs in scores.values() for run in runs)
    tag = faces_in_words(tested=tested, trained=data.synthetic)
    label = ", ".join(filter(None, (data.name.upper().replace("_", "-"), tag)))
    return Table(
        title=f"Landmarks on pictures held out ({label})",
        columns=(
            Column("Model", text=True),
            Column("mean error", label, tag),
            Column("failure rate", label, tag),
            Column("faces"),
            Column("runs"),
        ),
        rows=tuple(
            (
                row,
                percent(spread(run.mean_error for run in runs)),
                percent(spread(run.failure_rate for run in runs)),
                f"{max(run.faces for run in runs):,}",
                str(len(runs)),
            )
            for row, runs in scores.items()
            if runs
        ),
        note=(
            "Percent. The error of a face is the mean distance of its 49 inner landmarks from the known ones "
            "over the distance of the eye centres; above 10 % the face counts as failed. With ±: mean and "
            "standard deviation over runs."
            + "".join(
                f" Printed by Shang & Liu for people, {name}: {error:.2f} and {failures:.2f}."
                for name, (error, failures) in LANDMARK_ERRORS.get(data.name, {}).items()
            )
        ),
        name="landmarks",
    )
