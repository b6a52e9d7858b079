"""Shang & Liu, multi-task learning for unlabelled faces in the wild: Tables 2 to 7 and its claims."""

from __future__ import annotations

from metafacs.reports.papers.claimed import HigherF1, LowerLandmarkError
from metafacs.reports.papers.paper import Paper, PrintedF1, PrintedLandmarks, Row

_BP4D_AUS = (1, 2, 4, 6, 12, 17)
_DISFA_AUS = (4, 6, 12, 25, 26)

# ``-P``: with pseudo labels of the target's pictures. Rows A to F are those of Table 7, its row G is
# "dual-domain", which the paper calls "Ours".
_BP4D_TO_EMOTIONET = PrintedF1(
    printed_in="Tables 2 and 7",
    data="EmotioNet",
    aus=_BP4D_AUS,
    f1={
        "ADDA": (17.7, 5.2, 15.3, 38.2, 58.7, 6.2),
        "DANN": (16.8, 12.7, 25.8, 28.9, 62.5, 9.5),
        "T2Net": (9.4, 9.6, 24.4, 45.1, 69.5, 4.7),
        "DRIT": (20.4, 7.7, 30.9, 44.2, 67.5, 8.3),
        "ADLD": (19.8, 25.2, 31.0, 58.2, 78.3, 8.6),
        "dual-domain": (24.3, 24.1, 36.6, 71.5, 81.1, 13.0),
        "WSC-P": (22.7, 16.5, 39.3, 55.2, 83.4, 10.8),
        "JAA-Net-P": (21.3, 19.2, 43.6, 59.3, 85.2, 9.3),
        "ARL-P": (22.3, 17.4, 48.1, 57.5, 84.6, 11.9),
        "ADLD-P": (30.7, 26.1, 48.1, 60.7, 77.6, 11.5),
        "dual-domain-P": (34.2, 26.5, 49.4, 67.4, 79.7, 17.1),
    },
    average={
        **{"ADDA": 23.6, "DANN": 26.0, "T2Net": 27.1, "DRIT": 29.8, "ADLD": 36.8, "dual-domain": 41.8},
        **{"WSC-P": 38.0, "JAA-Net-P": 39.7, "ARL-P": 40.3, "ADLD-P": 42.4, "dual-domain-P": 45.7},
        **{"A": 36.5, "B": 37.5, "C": 37.8, "D": 38.6, "E": 39.0, "F": 40.2},
    },
)

_DISFA_TO_EMOTIONET = PrintedF1(
    printed_in="Table 3",
    data="EmotioNet",
    aus=_DISFA_AUS,
    f1={
        "T2Net": (23.0, 37.9, 61.6, 80.9, 28.0),
        "DRIT": (38.0, 49.0, 64.4, 76.4, 19.2),
        "ADLD": (27.0, 51.8, 73.8, 88.4, 34.2),
        "dual-domain": (39.9, 64.5, 65.4, 89.5, 27.8),
        "JAA-Net-P": (47.0, 59.7, 85.6, 88.1, 34.4),
        "ARL-P": (52.5, 59.6, 86.1, 89.0, 35.5),
        "ADLD-P": (49.5, 63.6, 86.8, 88.6, 38.3),
        "dual-domain-P": (49.8, 67.4, 87.6, 91.2, 42.0),
    },
    average={
        **{"T2Net": 46.3, "DRIT": 49.4, "ADLD": 55.0, "dual-domain": 57.4},
        **{"JAA-Net-P": 62.9, "ARL-P": 64.5, "ADLD-P": 65.3, "dual-domain-P": 67.6},
    },
)

_BP4D = PrintedF1(
    printed_in="Table 4",
    data="BP4D",
    aus=_BP4D_AUS,
    f1={
        "SimCLR": (38.0, 36.4, 37.2, 66.6, 76.2, 56.1),
        "SLTC": (42.3, 24.3, 44.1, 71.8, 83.3, 51.6),
        "SimSiam": (38.6, 39.0, 37.2, 68.2, 77.6, 57.9),
        "Fab-Net": (43.3, 35.7, 41.6, 72.9, 83.5, 48.2),
        "MoCo": (30.8, 41.3, 42.1, 70.2, 82.5, 59.1),
        "CVC": (43.9, 47.8, 38.7, 67.0, 84.4, 49.3),
        "EmoCo": (45.4, 30.5, 55.5, 76.1, 87.6, 59.1),
        "ADLD": (50.5, 35.7, 61.8, 74.1, 75.2, 69.0),
        "TAE": (47.0, 45.9, 50.9, 74.7, 85.6, 62.3),
        "CLP": (47.7, 50.9, 49.5, 75.8, 84.1, 62.7),
        "KSRL": (50.1, 45.4, 53.6, 79.2, 87.4, 56.1),
        "dual-domain": (52.9, 38.0, 61.4, 77.9, 77.2, 71.9),
    },
    average={
        **{"SimCLR": 51.8, "SLTC": 52.9, "SimSiam": 53.1, "Fab-Net": 54.2, "MoCo": 54.3, "CVC": 55.2},
        **{"EmoCo": 59.0, "ADLD": 61.0, "TAE": 61.1, "CLP": 61.8, "KSRL": 62.0, "dual-domain": 63.2},
    },
)

# The averages of MoCo and CVC are not those of their rows, 60.4 and 63.2; kept as printed.
_DISFA = PrintedF1(
    printed_in="Table 5",
    data="DISFA",
    aus=_DISFA_AUS,
    f1={
        "SLTC": (35.1, 33.6, 67.5, 68.0, 43.8),
        "Fab-Net": (43.2, 50.4, 69.6, 72.4, 42.4),
        "SimCLR": (47.5, 42.4, 66.8, 81.5, 52.7),
        "MoCo": (45.9, 45.4, 72.9, 83.4, 54.5),
        "CVC": (56.4, 49.5, 75.5, 79.1, 55.7),
        "EmoCo": (63.9, 52.5, 77.0, 78.3, 44.2),
        "SimSiam": (58.1, 53.8, 74.4, 79.0, 55.7),
        "TAE": (64.5, 46.8, 73.2, 85.1, 55.3),
        "KSRL": (58.1, 52.5, 77.6, 86.9, 53.2),
        "dual-domain": (65.2, 40.2, 74.3, 88.6, 60.9),
    },
    average={
        **{"SLTC": 49.6, "Fab-Net": 55.6, "SimCLR": 58.2, "MoCo": 60.2, "CVC": 64.2, "EmoCo": 63.2},
        **{"SimSiam": 64.2, "TAE": 65.0, "KSRL": 65.7, "dual-domain": 65.8},
    },
)

_LANDMARKS = PrintedLandmarks(
    printed_in="Table 6",
    errors={
        "MCL": (7.20, 1.69),
        "TCDCN": (6.57, 1.88),
        "ERT": (4.73, 3.49),
        "LAB": (4.50, 0.11),
        "HRNetV2": (4.35, 0.02),
        "OpenPose": (3.93, 0.27),
        "JAA-Net": (3.80, 0.32),
        "landmarks only": (5.87, 1.16),
        "dual-domain": (3.16, 0.19),
    },
)

_METHOD = "dual_domain"
_JOINT = ("B", "C", "D", "E", "F", "dual_domain", "G", "beta_1", "dual_domain_P", "G_P")
_WITHOUT_ALIGNMENT = {"intermediate_supervisors": False, "projectors": "none", "focus": 0.0}

PAPER = Paper(
    name="dual_domain",
    citation=(
        "Shang & Liu, Facial Action Unit Detection Based on Multi-task Learning Strategy for Unlabeled "
        "Facial Images in the Wild"
    ),
    # A comparison may call the full method by its letter, G, too; beta_1 is the right end of Fig. 6.
    rows=(
        Row("source_only", "source_only", colour="grey"),
        Row("adda", "adda", printed="ADDA"),
        Row("dann", "dann", printed="DANN"),
        Row("adld", "adld", {"pseudo_labels": False}, printed="ADLD", colour="orange"),
        Row("landmarks", _METHOD, {"stage": "landmarks"}, printed="landmarks only"),
        Row("A", _METHOD, {"landmark_branches": "none", **_WITHOUT_ALIGNMENT}, printed="A"),
        Row("B", _METHOD, {"landmark_branches": "source", **_WITHOUT_ALIGNMENT}, printed="B"),
        Row("C", _METHOD, {"landmark_branches": "target", **_WITHOUT_ALIGNMENT}, printed="C"),
        Row("D", _METHOD, {"landmark_branches": "both", **_WITHOUT_ALIGNMENT}, printed="D"),
        Row("E", _METHOD, {"projectors": "none", "focus": 0.0}, printed="E"),
        Row("F", _METHOD, {"focus": 0.0}, printed="F"),
        Row("dual_domain", _METHOD, {"pseudo_labels": False}, printed="dual-domain", colour="teal"),
        Row("G", _METHOD, {"pseudo_labels": False}, printed="dual-domain", colour="teal"),
        Row("beta_1", _METHOD, {"focus": 1.0}),
        Row("adld_P", "adld", {"pseudo_labels": True}, printed="ADLD-P"),
        Row("dual_domain_P", _METHOD, {"pseudo_labels": True}, printed="dual-domain-P"),
        Row("G_P", _METHOD, {"pseudo_labels": True}, printed="dual-domain-P"),
    ),
    f1={
        ("bp4d", "emotionet"): _BP4D_TO_EMOTIONET,
        ("disfa", "emotionet"): _DISFA_TO_EMOTIONET,
        ("bp4d", "bp4d"): _BP4D,
        ("disfa", "disfa"): _DISFA,
    },
    landmarks={"bp4d": _LANDMARKS},
    claims=(
        # 4.2.1: "outperforms 5.0% in F1-score to ADLD"; ADLD stands above the others in Table 2.
        HigherF1("dual_domain", "adld"),
        HigherF1("G", "adld"),
        HigherF1("adld", "dann"),
        HigherF1("adld", "adda"),
        # Not printed: adaptation is worth more than none.
        HigherF1("dann", "source_only"),
        HigherF1("adda", "source_only"),
        HigherF1("adld", "source_only"),
        HigherF1("dual_domain", "source_only"),
        HigherF1("G", "source_only"),
        # 4.2.1: pseudo labels improve, Table 2.
        HigherF1("G_P", "G"),
        HigherF1("dual_domain_P", "dual_domain"),
        HigherF1("adld_P", "adld"),
        HigherF1("G_P", "adld_P"),
        HigherF1("dual_domain_P", "adld_P"),
        # 4.3, Table 7: "introducing each component is beneficial".
        HigherF1("B", "A"),
        HigherF1("C", "A"),
        HigherF1("D", "A"),
        HigherF1("E", "D"),
        HigherF1("F", "E"),
        HigherF1("G", "F"),
        # 4.4.2, Fig. 6: "beta works best at 0.7", "an increase of 0.4%" over 1.0.
        HigherF1("G", "beta_1"),
        # 4.2.3, Table 6: "with the help of" the other tasks, which every row with a landmark branch has,
        # better than branches trained alone "with large margins of 2.71% and 0.97%".
        *(LowerLandmarkError(row, "landmarks") for row in _JOINT),
    ),
)
