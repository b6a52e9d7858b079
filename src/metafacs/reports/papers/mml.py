"""Li et al., Compound Expression Recognition In-the-wild (RAF-CE): Tables 2 and 3 and its claims."""

from __future__ import annotations

from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.reports.papers.claimed import Course, HigherAccuracy, HigherMeanRecall
from metafacs.reports.papers.paper import Paper, PrintedExpressions, Row, TrainingCurves

_DATA = ("raf_ce", "raf_ce")
_FIXED, _META, _BOTH = "compound_multi_task", "mml", "MAL, expression learned"

# 3.2: "the three categories, fearfully disgusted, happily sad, and happily fearful, only have 36, 29 and 11
# images in our database". 5.3 does not say which "categories with small sample sizes" it means.
_SMALL = ("fearfully disgusted", "happily sad", "happily fearful")

# The caption of Table 3 says RAF-ML, the text RAF-CE.
_RAF_CE = PrintedExpressions(
    printed_in="Tables 2 and 3",
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
        **{"AM, lab": 54.12, "AM, wild": 53.36, "MML, lab": 55.01, "MML, wild": 55.23},
    },
    mean_recall={
        **{"STL": 28.12, "MTL": 29.58, "MAL": 30.73},
        **{"AM, lab": 30.15, "AM, wild": 28.02, "MML, lab": 30.85, "MML, wild": 31.68},
    },
)

PAPER = Paper(
    name="mml",
    citation=(
        "Li et al., Compound Expression Recognition In-the-wild with AU-assisted Meta Multi-task Learning"
    ),
    # One method stands for several rows. A weight that is not 0 is a number, which the paper does not print,
    # or learned; of the two kinds of MAL the paper prints the better one.
    rows=(
        Row("STL", _FIXED, {"action_units": 0.0, "alignment": 0.0}, ("stl",), "STL", "grey"),
        Row("MTL", _FIXED, {"alignment": 0.0}, ("mtl",), "MTL", "orange"),
        Row("MAL", _META, {"alignment": 0.0, "expression": 1.0}, ("mal",), "MAL", "green"),
        Row(_BOTH, _META, {"alignment": 0.0, "expression": "learned"}, ("mal_two_weights",), "", "brown"),
        Row("AM, lab", _FIXED, {"statistics": "lab"}, ("am_lab",), "AM, lab", "violet"),
        Row("AM, wild", _FIXED, {"statistics": "wild"}, ("am",), "AM, wild", "plum"),
        Row("MML, lab", _META, {"statistics": "lab"}, ("mml_lab",), "MML, lab", "slate"),
        Row("MML, wild", _META, {"statistics": "wild"}, (), "MML, wild", "teal"),
    ),
    expressions={_DATA: _RAF_CE},
    claims=(
        # 5.3: "outperforms single-task learning and multi-task learning by 3.74% and 1.98%".
        HigherAccuracy("MML, wild", "STL", on=(_DATA,)),
        HigherAccuracy("MML, wild", "MTL", on=(_DATA,)),
        # 5.3, ablation: "outperforms meta auxiliary learning and alignment net by 2.86% and 1.87%".
        HigherAccuracy("MML, wild", "MAL", on=(_DATA,)),
        HigherAccuracy("MML, wild", "AM, wild", on=(_DATA,)),
        # 5.3, ablation: "MAL method underperforms MTL, when used individually".
        HigherAccuracy("MTL", "MAL", on=(_DATA,)),
        # 5.3, statistics: "the method with our statics outperforms theirs by 0.22%".
        HigherAccuracy("MML, wild", "MML, lab", on=(_DATA,)),
        # 5.3, ablation: "statistics from labs perform better when we use alignment loss individually".
        HigherAccuracy("AM, lab", "AM, wild", on=(_DATA,)),
        # 5.3: "we also adopt the mean diagonal value of the confusion matrix", "Diag." of Tables 2 and 3. The
        # sentences above, but for the one on MAL and MTL, whose order is the other way round in Diag.
        HigherMeanRecall("MML, wild", "STL", on=(_DATA,)),
        HigherMeanRecall("MML, wild", "MTL", on=(_DATA,)),
        HigherMeanRecall("MML, wild", "MAL", on=(_DATA,)),
        HigherMeanRecall("MML, wild", "AM, wild", on=(_DATA,)),
        HigherMeanRecall("MML, wild", "MML, lab", on=(_DATA,)),
        HigherMeanRecall("AM, lab", "AM, wild", on=(_DATA,)),
        # 5.3: "particularly showing superior performance on categories with small sample sizes".
        HigherMeanRecall("MML, wild", "STL", _SMALL, "the three smallest classes", on=(_DATA,)),
        HigherMeanRecall("MML, wild", "MTL", _SMALL, "the three smallest classes", on=(_DATA,)),
        # 5.3, Fig. 5: "omega^AM first decreased and next increased rapidly to one, and omega^AU firstly
        # showed an upward trend with some fluctuations, then decreased sharply, followed by an increment".
        Course("MML, wild", "weight_alignment", "the alignment loss", ("falls", "rises"), on=(_DATA,)),
        Course("MML, wild", "weight_action_units", "the AU loss", ("rises", "falls", "rises"), on=(_DATA,)),
    ),
    curves=TrainingCurves(
        printed_in={_DATA: "Fig. 5"},
        weights=("MML, wild",),
        accuracy=("MTL", "MML, wild"),
        note="between 0 and 1, each on its own",
    ),
)
