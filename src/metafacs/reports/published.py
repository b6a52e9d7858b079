"""Scores printed in papers, to stand beside ours. Data, not measurements of this project."""

from __future__ import annotations

from dataclasses import dataclass

from metafacs.compounds import COMPOUND_EXPRESSIONS


@dataclass(frozen=True)
class PublishedTable:
    """Rows of one printed table.

    Attributes:
        source: Paper and table.
        data: Data set as the paper names it.
        aus: FACS numbers of the columns.
        f1: Row name -> F1 per AU in percent, where it is printed.
        average: Row name -> printed average in percent; rounding may set it off from the row's mean.
    """

    source: str
    data: str
    aus: tuple[int, ...]
    f1: dict[str, tuple[float, ...]]
    average: dict[str, float]


@dataclass(frozen=True)
class PublishedExpressions:
    """Printed scores of expression recognition.

    Attributes:
        source: Paper and tables.
        data: Data set as the paper names it.
        expressions: Classes of the columns.
        pictures: Test pictures per class, as far as the printed percentages tell.
        recalls: Row name -> share recognised of each class in percent, where it is printed.
        accuracy: Row name -> share recognised in percent.
        mean_recall: Row name -> mean over classes of the share recognised in percent.
    """

    source: str
    data: str
    expressions: tuple[str, ...]
    pictures: tuple[int, ...]
    recalls: dict[str, tuple[float, ...]]
    accuracy: dict[str, float]
    mean_recall: dict[str, float]


MAL_TABLES: dict[str, PublishedTable] = {
    "bp4d": PublishedTable(
        source="Li & Shan, Meta Auxiliary Learning, Table 1",
        data="BP4D",
        aus=(1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24),
        f1={
            "MTAN": (43.4, 45.1, 50.9, 76.0, 75.0, 83.1, 86.8, 60.9, 47.4, 62.3, 37.9, 50.5),
            "L2T-WW": (41.6, 49.5, 48.3, 74.1, 77.2, 81.6, 83.8, 60.0, 46.2, 62.9, 41.8, 52.4),
            "STL": (46.7, 44.0, 49.7, 73.0, 74.5, 81.4, 85.5, 61.6, 48.2, 57.4, 44.3, 44.5),
            "MTL": (45.9, 41.6, 50.8, 75.2, 74.3, 82.6, 87.0, 59.8, 47.1, 61.3, 44.6, 45.5),
            "MAL": (47.9, 49.5, 52.1, 77.6, 77.8, 82.8, 88.3, 66.4, 49.7, 59.7, 45.2, 48.5),
        },
        average={"STL": 59.2, "MTL": 59.7, "MAL": 62.2, "MTAN": 59.9, "L2T-WW": 60.0},
    ),
    "disfa": PublishedTable(
        source="Li & Shan, Meta Auxiliary Learning, Table 2",
        data="DISFA",
        aus=(1, 2, 4, 6, 9, 12, 25, 26),
        f1={
            "MTAN": (35.7, 32.3, 64.3, 56.5, 35.5, 72.5, 87.9, 62.6),
            "L2T-WW": (32.3, 27.7, 62.2, 47.6, 36.2, 73.8, 85.4, 55.1),
            "STL": (38.0, 33.1, 51.8, 46.2, 34.2, 65.4, 85.4, 56.9),
            "MTL": (40.6, 35.2, 66.9, 48.6, 35.3, 72.5, 88.0, 53.1),
            "MAL": (43.8, 39.3, 68.9, 47.4, 48.6, 72.7, 90.6, 52.6),
        },
        average={"STL": 51.3, "MTL": 55.0, "MAL": 58.0, "MTAN": 55.9, "L2T-WW": 52.6},
    ),
    "gft": PublishedTable(
        source="Li & Shan, Meta Auxiliary Learning, Table 3",
        data="GFT",
        aus=(1, 2, 4, 6, 10, 12, 14, 15, 23, 24),
        f1={
            "MTAN": (44.7, 49.6, 27.0, 79.0, 78.9, 83.1, 32.5, 49.2, 53.8, 51.2),
            "L2T-WW": (40.8, 46.0, 42.7, 83.9, 77.1, 83.1, 27.1, 42.0, 53.9, 53.7),
            "STL": (43.2, 48.2, 25.9, 74.0, 73.7, 83.5, 37.5, 44.0, 51.7, 48.4),
            "MTL": (30.7, 54.7, 41.1, 82.7, 75.4, 84.2, 40.5, 46.5, 53.2, 50.6),
            "MAL": (52.4, 57.0, 54.1, 74.5, 78.0, 84.9, 43.1, 47.7, 54.4, 51.9),
        },
        average={"STL": 53.0, "MTL": 56.0, "MAL": 59.8, "MTAN": 54.9, "L2T-WW": 55.0},
    ),
}
"""The multi-task and meta auxiliary rows of MAL's Tables 1 to 3, by data set."""

_SHANG_AND_LIU = "Shang & Liu, Multi-task Learning Strategy for Unlabeled Facial Images in the Wild"

DUAL_DOMAIN_TABLES: dict[tuple[str, str], PublishedTable] = {
    ("bp4d", "emotionet"): PublishedTable(
        source=f"{_SHANG_AND_LIU}, Tables 2 and 7",
        data="EmotioNet",
        aus=(1, 2, 4, 6, 12, 17),
        f1={
            "ADDA": (17.7, 5.2, 15.3, 38.2, 58.7, 6.2),
            "DANN": (16.8, 12.7, 25.8, 28.9, 62.5, 9.5),
            "ADLD": (19.8, 25.2, 31.0, 58.2, 78.3, 8.6),
            "dual-domain": (24.3, 24.1, 36.6, 71.5, 81.1, 13.0),
            "ADLD-P": (30.7, 26.1, 48.1, 60.7, 77.6, 11.5),
            "dual-domain-P": (34.2, 26.5, 49.4, 67.4, 79.7, 17.1),
        },
        average={
            **{"ADDA": 23.6, "DANN": 26.0, "ADLD": 36.8, "dual-domain": 41.8},
            **{"ADLD-P": 42.4, "dual-domain-P": 45.7},
            **{"A": 36.5, "B": 37.5, "C": 37.8, "D": 38.6, "E": 39.0, "F": 40.2},
        },
    ),
    ("disfa", "emotionet"): PublishedTable(
        source=f"{_SHANG_AND_LIU}, Table 3",
        data="EmotioNet",
        aus=(4, 6, 12, 25, 26),
        f1={
            "ADLD": (27.0, 51.8, 73.8, 88.4, 34.2),
            "dual-domain": (39.9, 64.5, 65.4, 89.5, 27.8),
            "ADLD-P": (49.5, 63.6, 86.8, 88.6, 38.3),
            "dual-domain-P": (49.8, 67.4, 87.6, 91.2, 42.0),
        },
        average={"ADLD": 55.0, "dual-domain": 57.4, "ADLD-P": 65.3, "dual-domain-P": 67.6},
    ),
    ("bp4d", "bp4d"): PublishedTable(
        source=f"{_SHANG_AND_LIU}, Table 4",
        data="BP4D",
        aus=(1, 2, 4, 6, 12, 17),
        f1={
            "ADLD": (50.5, 35.7, 61.8, 74.1, 75.2, 69.0),
            "dual-domain": (52.9, 38.0, 61.4, 77.9, 77.2, 71.9),
        },
        average={"ADLD": 61.0, "dual-domain": 63.2},
    ),
    ("disfa", "disfa"): PublishedTable(
        source=f"{_SHANG_AND_LIU}, Table 5",
        data="DISFA",
        aus=(4, 6, 12, 25, 26),
        f1={"dual-domain": (65.2, 40.2, 74.3, 88.6, 60.9)},
        average={"dual-domain": 65.8},
    ),
}
"""The rows of Shang & Liu's Tables 2 to 5 and 7 that are methods here, by data sets trained and tested on.

``-P``: with pseudo labels of the target's pictures.
"""

LANDMARK_ERRORS: dict[str, dict[str, tuple[float, float]]] = {
    "bp4d": {"landmarks only": (5.87, 1.16), "dual-domain": (3.16, 0.19)}
}
"""Data set -> rows of Table 6 of Shang & Liu: mean error and failure rate in percent."""

EXPRESSION_TABLES: dict[str, PublishedExpressions] = {
    "raf_ce": PublishedExpressions(
        source="Li et al., Compound Expression Recognition In-the-wild, Tables 2 and 3",
        data="RAF-CE",
        expressions=COMPOUND_EXPRESSIONS,
        # Not printed, but the only whole numbers that give the percentages of Table 2; of fearfully disgusted
        # and happily fearful, of which no picture was recognised, they give the sum, 7.
        pictures=(126, 54, 36, 44, 25, 178, 43, 113, 6, 44, 194, 37, 1, 8),
        recalls={
            "STL": (
                *(57.14, 18.52, 11.11, 9.09, 12.00, 73.03, 39.53),
                *(78.76, 0.0, 29.55, 64.95, 0.0, 0.0, 0.0),
            ),
            "MTL": (
                *(62.70, 18.52, 8.33, 11.36, 24.00, 71.35, 41.86),
                *(74.34, 0.0, 27.27, 71.65, 2.70, 0.0, 0.0),
            ),
            "MML, wild": (
                *(77.78, 7.41, 27.78, 13.64, 20.00, 62.92, 41.86),
                *(61.95, 0.0, 25.00, 84.54, 8.11, 0.0, 12.50),
            ),
        },
        accuracy={
            **{"STL": 51.49, "MTL": 53.25, "MAL": 52.37},
            **{"AM, wild": 53.36, "AM, lab": 54.12, "MML, wild": 55.23, "MML, lab": 55.01},
        },
        mean_recall={
            **{"STL": 28.12, "MTL": 29.58, "MAL": 30.73},
            **{"AM, wild": 28.02, "AM, lab": 30.15, "MML, wild": 31.68, "MML, lab": 30.85},
        },
    )
}
"""Tables 2 and 3 of the MML paper by data set; :func:`metafacs.reports.rows.published_row` names the rows."""


@dataclass(frozen=True)
class PublishedAccuracies:
    """Accuracies of one printed few-shot table, after 5 gradient steps.

    Attributes:
        source: Paper and table.
        data: Data sets as the paper names them.
        aus: FACS numbers of the rows.
        accuracy: (learner in this project, shots) -> accuracy per AU.
        average: (learner, shots) -> printed average.
    """

    source: str
    data: str
    aus: tuple[int, ...]
    accuracy: dict[tuple[str, int], tuple[float, ...]]
    average: dict[tuple[str, int], float]


MAML_AU_TABLES: dict[tuple[str, str], PublishedAccuracies] = {
    ("bp4d", "bp4d"): PublishedAccuracies(
        source="Lee et al., MAML-AU, Table 1",
        data="BP4D",
        aus=(1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24),
        accuracy={
            ("baseline", 1): (0.57, 0.59, 0.58, 0.71, 0.67, 0.72, 0.75, 0.61, 0.59, 0.56, 0.56, 0.56),
            ("maml", 1): (0.6, 0.61, 0.61, 0.71, 0.67, 0.73, 0.77, 0.61, 0.64, 0.62, 0.62, 0.67),
            ("baseline", 5): (0.59, 0.62, 0.63, 0.74, 0.69, 0.75, 0.78, 0.61, 0.6, 0.56, 0.57, 0.58),
            ("maml", 5): (0.71, 0.72, 0.74, 0.81, 0.75, 0.83, 0.86, 0.7, 0.73, 0.71, 0.72, 0.8),
        },
        average={("baseline", 1): 0.62, ("maml", 1): 0.66, ("baseline", 5): 0.64, ("maml", 5): 0.76},
    ),
    ("disfa", "disfa"): PublishedAccuracies(
        source="Lee et al., MAML-AU, Table 2",
        data="DISFA",
        aus=(1, 2, 4, 6, 9, 12, 25, 26),
        accuracy={
            ("baseline", 1): (0.64, 0.69, 0.61, 0.77, 0.77, 0.72, 0.73, 0.68),
            ("maml", 1): (0.68, 0.74, 0.65, 0.8, 0.81, 0.76, 0.73, 0.69),
            ("baseline", 5): (0.66, 0.7, 0.62, 0.8, 0.8, 0.75, 0.75, 0.71),
            ("maml", 5): (0.74, 0.8, 0.72, 0.87, 0.88, 0.83, 0.79, 0.75),
        },
        average={("baseline", 1): 0.7, ("maml", 1): 0.73, ("baseline", 5): 0.72, ("maml", 5): 0.8},
    ),
    ("bp4d", "disfa"): PublishedAccuracies(
        source="Lee et al., MAML-AU, Table 3",
        data="DISFA, trained on BP4D",
        aus=(1, 2, 4, 6, 9, 12, 25, 26),
        accuracy={
            ("baseline", 1): (0.64, 0.69, 0.59, 0.78, 0.75, 0.74, 0.67, 0.64),
            ("maml", 1): (0.67, 0.74, 0.65, 0.79, 0.79, 0.75, 0.67, 0.65),
            ("baseline", 5): (0.64, 0.71, 0.58, 0.82, 0.78, 0.77, 0.68, 0.65),
            ("maml", 5): (0.77, 0.82, 0.75, 0.87, 0.87, 0.82, 0.75, 0.73),
        },
        average={("baseline", 1): 0.69, ("maml", 1): 0.71, ("baseline", 5): 0.7, ("maml", 5): 0.8},
    ),
}
"""Tables 1 to 3 of MAML-AU by the data sets of training and test."""
