"""Li & Shan, Meta Auxiliary Learning: Tables 1 to 3 and its claims."""

from __future__ import annotations

from metafacs.reports.papers.claimed import FasterFall, HigherF1, LowWeightForAmbiguous, RisingWeight
from metafacs.reports.papers.paper import Paper, PrintedF1, Row, TrainingCurves

# Above MTAN the paper takes the numbers of other papers over; some averages are not those of their rows: DRML
# and EAC-Net on BP4D and DISFA, OFS-CNN and TAE on DISFA. All is kept as printed.
_BP4D = PrintedF1(
    printed_in="Table 1",
    data="BP4D",
    aus=(1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24),
    f1={
        "DRML": (36.4, 41.8, 43.0, 55.0, 67.0, 66.3, 65.8, 54.1, 33.2, 48.0, 31.7, 30.0),
        "EAC-Net": (39.0, 35.2, 48.6, 76.1, 72.9, 81.9, 86.2, 58.8, 37.5, 59.1, 35.9, 35.8),
        "ROI": (36.2, 31.6, 43.4, 77.1, 73.7, 85.0, 87.0, 62.6, 45.7, 58.0, 38.3, 37.4),
        "JAA-Net": (47.2, 44.0, 54.9, 77.5, 74.6, 84.0, 86.9, 61.9, 43.6, 60.3, 42.7, 41.9),
        "DSIN": (51.7, 40.4, 56.0, 76.1, 73.5, 79.9, 85.4, 62.7, 37.3, 62.9, 38.8, 41.6),
        "LP-Net": (43.4, 38.0, 54.2, 77.1, 76.7, 83.8, 87.2, 63.3, 45.3, 60.5, 48.1, 54.2),
        "TAE": (47.0, 45.9, 50.9, 74.7, 72.0, 82.4, 85.6, 62.3, 48.1, 62.3, 45.9, 46.3),
        "SRERL": (46.9, 45.3, 55.6, 77.1, 78.4, 83.5, 87.6, 63.9, 52.2, 63.9, 47.1, 53.3),
        "MTAN": (43.4, 45.1, 50.9, 76.0, 75.0, 83.1, 86.8, 60.9, 47.4, 62.3, 37.9, 50.5),
        "L2T-WW": (41.6, 49.5, 48.3, 74.1, 77.2, 81.6, 83.8, 60.0, 46.2, 62.9, 41.8, 52.4),
        "STL": (46.7, 44.0, 49.7, 73.0, 74.5, 81.4, 85.5, 61.6, 48.2, 57.4, 44.3, 44.5),
        "MTL": (45.9, 41.6, 50.8, 75.2, 74.3, 82.6, 87.0, 59.8, 47.1, 61.3, 44.6, 45.5),
        "MAL": (47.9, 49.5, 52.1, 77.6, 77.8, 82.8, 88.3, 66.4, 49.7, 59.7, 45.2, 48.5),
    },
    average={
        **{"DRML": 48.3, "EAC-Net": 55.9, "ROI": 56.4, "JAA-Net": 60.0, "DSIN": 58.9, "LP-Net": 61.0},
        **{"TAE": 60.3, "gBN": 57.0, "SRERL": 62.9},
        **{"MTAN": 59.9, "L2T-WW": 60.0, "STL": 59.2, "MTL": 59.7, "MAL": 62.2},
    },
)

_DISFA = PrintedF1(
    printed_in="Table 2",
    data="DISFA",
    aus=(1, 2, 4, 6, 9, 12, 25, 26),
    f1={
        "DRML": (17.3, 17.7, 37.4, 29.0, 10.7, 37.7, 38.5, 20.1),
        "EAC-Net": (41.5, 26.4, 66.4, 50.7, 80.5, 89.3, 88.9, 15.6),
        "JAA-Net": (43.7, 46.2, 56.0, 41.4, 44.7, 69.6, 88.3, 58.4),
        "OFS-CNN": (43.7, 40.0, 67.2, 59.0, 49.7, 75.8, 72.4, 54.8),
        "DSIN": (42.4, 39.0, 68.4, 28.6, 46.8, 70.8, 90.4, 42.2),
        "LP-Net": (29.9, 24.7, 72.7, 46.8, 49.6, 72.9, 93.8, 65.0),
        "TAE": (21.4, 19.6, 64.5, 46.8, 44.0, 73.2, 85.1, 55.3),
        "SRERL": (45.7, 47.8, 59.6, 47.1, 45.6, 73.5, 84.3, 43.6),
        "MTAN": (35.7, 32.3, 64.3, 56.5, 35.5, 72.5, 87.9, 62.6),
        "L2T-WW": (32.3, 27.7, 62.2, 47.6, 36.2, 73.8, 85.4, 55.1),
        "STL": (38.0, 33.1, 51.8, 46.2, 34.2, 65.4, 85.4, 56.9),
        "MTL": (40.6, 35.2, 66.9, 48.6, 35.3, 72.5, 88.0, 53.1),
        "MAL": (43.8, 39.3, 68.9, 47.4, 48.6, 72.7, 90.6, 52.6),
    },
    average={
        **{"DRML": 26.7, "EAC-Net": 48.5, "JAA-Net": 56.0, "OFS-CNN": 51.4, "DSIN": 53.6, "LP-Net": 56.9},
        **{"TAE": 51.5, "SRERL": 55.9},
        **{"MTAN": 55.9, "L2T-WW": 52.6, "STL": 51.3, "MTL": 55.0, "MAL": 58.0},
    },
)

_GFT = PrintedF1(
    printed_in="Table 3",
    data="GFT",
    aus=(1, 2, 4, 6, 10, 12, 14, 15, 23, 24),
    f1={
        "AlexNet": (44.0, 46.0, 2.0, 73.0, 72.0, 82.0, 5.0, 19.0, 43.0, 42.0),
        "ResNet-50": (23.5, 37.8, 3.5, 79.1, 70.1, 82.1, 20.9, 11.7, 49.1, 40.3),
        "TAE": (46.3, 48.8, 13.4, 76.7, 74.8, 81.8, 19.9, 42.3, 50.6, 50.0),
        "MTAN": (44.7, 49.6, 27.0, 79.0, 78.9, 83.1, 32.5, 49.2, 53.8, 51.2),
        "L2T-WW": (40.8, 46.0, 42.7, 83.9, 77.1, 83.1, 27.1, 42.0, 53.9, 53.7),
        "STL": (43.2, 48.2, 25.9, 74.0, 73.7, 83.5, 37.5, 44.0, 51.7, 48.4),
        "MTL": (30.7, 54.7, 41.1, 82.7, 75.4, 84.2, 40.5, 46.5, 53.2, 50.6),
        "MAL": (52.4, 57.0, 54.1, 74.5, 78.0, 84.9, 43.1, 47.7, 54.4, 51.9),
    },
    average={
        **{"AlexNet": 42.8, "ResNet-50": 41.8, "TAE": 50.5},
        **{"MTAN": 54.9, "L2T-WW": 55.0, "STL": 53.0, "MTL": 56.0, "MAL": 59.8},
    },
)

_BP4D_DATA, _DISFA_DATA, _GFT_DATA = (("bp4d", "bp4d"), ("disfa", "disfa"), ("gft", "gft"))
_ALL = (_BP4D_DATA, _DISFA_DATA, _GFT_DATA)

PAPER = Paper(
    name="mal",
    citation="Li & Shan, Meta Auxiliary Learning for Facial Action Unit Detection",
    # A comparison that has all its rows with ResNet-50 does not call one so.
    rows=(
        Row("single_task", "single_task", printed="STL", colour="grey"),
        Row("resnet50", "single_task", {"backbone.name": "resnet50"}, printed="ResNet-50"),
        Row("multi_task", "multi_task", printed="MTL", colour="orange"),
        Row("mtan", "mtan", printed="MTAN", colour="violet"),
        Row("l2t_ww", "l2t_ww", printed="L2T-WW", colour="green"),
        Row("mal", "mal", printed="MAL", colour="teal"),
    ),
    f1={_BP4D_DATA: _BP4D, _DISFA_DATA: _DISFA, _GFT_DATA: _GFT},
    claims=(
        # 4.3: "MAL obtains 2.5%, 3.0%, 3.8% improvements" over MTL.
        HigherF1("mal", "multi_task", on=_ALL),
        # 4.3: "MTL outperfroms STL on most AUs on DISFA and GFT datasets"; on BP4D "STL is comparable".
        HigherF1("multi_task", "single_task", on=(_DISFA_DATA, _GFT_DATA)),
        # 4.3: "consistent improvements over STL, as illustrated in table 1, 2, 3".
        HigherF1("mal", "single_task", on=_ALL),
        # 4.2.2: "outperforms MTAN with 2.3%, 2.1%, 4.9%", L2T-WW with "2.2%, 5.4%, 4.8%", each time
        # with a list of AUs.
        HigherF1("mal", "mtan", on=_ALL),
        HigherF1("mal", "mtan", aus=(1, 2, 4, 6, 7, 12, 14, 23, 24), on=_ALL),
        HigherF1("mal", "l2t_ww", on=_ALL),
        HigherF1("mal", "l2t_ww", aus=(1, 2, 4, 7, 10, 14, 15, 23), on=_ALL),
        # 4.2.1: on GFT "outperforms other state-of-the-art AU detection methods", of which one is at hand.
        HigherF1("mal", "resnet50", on=(_GFT_DATA,)),
        # 4.4, Fig. 3 (c), (f), (i): "MAL increases the average weights of the FE samples".
        RisingWeight(
            "mal", "weight_expression", "expression pictures", "0.5 is an equal share", on=(_BP4D_DATA,)
        ),
        # 4.4: "the loss of FER decreases faster than AU detection as the training progresses in MTL"; "the
        # similar phenomenon can be observed in Fig. 4", both on DISFA, and "Fig. 3 (b),(e),(h)", of MAL.
        *(
            FasterFall(row, "loss_expression", "loss_action_units", on=(_BP4D_DATA, _DISFA_DATA))
            for row in ("multi_task", "mal")
        ),
        # 4.4, Fig. 6: "the images with low consistency values usually have small weights, and vice versa"; it
        # is not said with which action units.
        LowWeightForAmbiguous("mal"),
    ),
    curves=TrainingCurves(
        printed_in={_BP4D_DATA: "Fig. 3", _DISFA_DATA: "Fig. 4"},
        losses=("multi_task", "mal"),
        weights=("mal",),
        note="normalised so that both sum to one, 0.5 is an equal share",
    ),
)
