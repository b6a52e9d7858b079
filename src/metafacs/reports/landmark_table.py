"""How far predicted landmarks are off, beside the errors that the paper prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metafacs.data.facts import dataset_title
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import TestedData
from metafacs.evaluation.statistics import spread
from metafacs.reports.papers.paper import Paper, PrintedLandmarks
from metafacs.reports.tables import Column, Table, faces_in_words, percent
from metafacs.texts import shown


def landmark_table(
    scores: Mapping[str, Sequence[LandmarkScores]], data: TestedData, paper: Paper | None
) -> Table:
    """Return mean error and failure rate per row in percent.

    Args:
        scores: Name of the row -> scores of its runs; a row without runs is left out.
        data: What the runs were tested on.
        paper: Whose errors are told; None for none.
    """
    tested = any(run.synthetic for runs in scores.values() for run in runs)
    tag = faces_in_words(tested=tested, trained=data.synthetic)
    label = ", ".join(filter(None, (shown(dataset_title(data.name)), tag)))
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
            + (_told(paper, printed) if paper and (printed := paper.landmarks.get(data.name)) else "")
        ),
        name="landmarks",
    )


def _told(paper: Paper, printed: PrintedLandmarks) -> str:
    errors = ", ".join(
        f"{name} {error:.2f} and {failures:.2f}" for name, (error, failures) in printed.errors.items()
    )
    return f" Printed for people, {paper.citation}, {printed.printed_in}: {errors}."
