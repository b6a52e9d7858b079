"""Shang & Liu, multi-task learning for unlabelled faces in the wild: Tables 2 to 7 and its claims."""

from __future__ import annotations

from metafacs.reports.papers.claimed import HigherDetectionAccuracy, HigherF1, LowerLandmarkError
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
    accuracy={"A": 86.4, "B": 87.1, "C": 87.3, "D": 87.6, "E": 87.7, "F": 88.1, "dual-domain": 88.5},
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

_TO_TARGET, _DISFA_TO_TARGET = ("bp4d", "emotionet"), ("disfa", "emotionet")
_OWN, _DISFA_OWN = ("bp4d", "bp4d"), ("disfa", "disfa")

_METHOD = "dual_domain"
# Earlier stages, which have models too, are no rows of the tables.
_JOINT = {"stage": "joint"}
_FULL = {**_JOINT, "pseudo_labels": False}
_WITHOUT_ALIGNMENT = {**_JOINT, "intermediate_supervisors": False, "projectors": "none", "focus": 0.0}

_OURS = ("dual_domain", "G")
_STEPS = (("B", "A"), ("C", "A"), ("D", "A"), ("D", "B"), ("D", "C"), ("E", "D"), ("F", "E"), ("G", "F"))
_OTHER_FOCUS = {f"beta_{value:g}": value for value in (0.5, 0.6, 0.8, 0.9, 1.0)}
_OTHER_RECONSTRUCTION = {f"sr_{value:g}": value for value in (0.01, 0.1, 1.0, 10.0, 1000.0)}

PAPER = Paper(
    name="dual_domain",
    citation=(
        "Shang & Liu, Facial Action Unit Detection Based on Multi-task Learning Strategy for Unlabeled "
        "Facial Images in the Wild"
    ),
    # A comparison may call the full method by its letter, G, too; beta and sr are points of Figs 6 and 5.
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
        Row("E", _METHOD, {**_JOINT, "projectors": "none", "focus": 0.0}, printed="E"),
        Row("F", _METHOD, {**_JOINT, "focus": 0.0}, printed="F"),
        Row("dual_domain", _METHOD, _FULL, printed="dual-domain", colour="teal"),
        Row("G", _METHOD, _FULL, printed="dual-domain", colour="teal"),
        *(Row(name, _METHOD, {**_JOINT, "focus": value}) for name, value in _OTHER_FOCUS.items()),
        *(
            Row(name, _METHOD, {**_JOINT, "reconstruction_weight": value})
            for name, value in _OTHER_RECONSTRUCTION.items()
        ),
        Row("adld_P", "adld", {"pseudo_labels": True}, printed="ADLD-P"),
        Row("dual_domain_P", _METHOD, {**_JOINT, "pseudo_labels": True}, printed="dual-domain-P"),
        Row("G_P", _METHOD, {**_JOINT, "pseudo_labels": True}, printed="dual-domain-P"),
    ),
    f1={
        _TO_TARGET: _BP4D_TO_EMOTIONET,
        _DISFA_TO_TARGET: _DISFA_TO_EMOTIONET,
        _OWN: _BP4D,
        _DISFA_OWN: _DISFA,
    },
    landmarks={"bp4d": _LANDMARKS},
    claims=(
        # 4.2.1, Table 2: "compared to ADDA and DANN, our method achieves an average increase of 18.2% and
        # 15.8%".
        *(HigherF1(ours, other, on=(_TO_TARGET,)) for ours in _OURS for other in ("adda", "dann")),
        # 4.2.1: "outperforms 5.0% in F1-score to ADLD"; of Table 3, "superior performance in overall AU
        # detection"; 4.2.2, Table 4: "the 2.2% improvement over ADLD". Table 5 has no ADLD.
        *(HigherF1(ours, "adld", on=(_TO_TARGET, _DISFA_TO_TARGET, _OWN)) for ours in _OURS),
        # 4.2.1: of Table 2 "our method achieves the best overall performance", of Table 3 as above.
        *(HigherF1(f"{ours}_P", "adld_P", on=(_TO_TARGET, _DISFA_TO_TARGET)) for ours in _OURS),
        # 4.2.1, pseudo labels: "This also improves the accuracy of AU detection after F_s".
        *(HigherF1(f"{ours}_P", ours, on=(_TO_TARGET, _DISFA_TO_TARGET, _OWN, _DISFA_OWN)) for ours in _OURS),
        # 4.3, Table 7: "introducing each component is beneficial"; "the results of two facial landmark
        # detection branches training together exceed the results of one"; "an increase of 2.1% in F1-score
        # and 1.2% in Accuracy".
        *(HigherF1(better, worse, on=(_TO_TARGET,)) for better, worse in _STEPS),
        *(HigherDetectionAccuracy(better, worse, on=(_TO_TARGET,)) for better, worse in _STEPS),
        # 4.4.2, Fig. 6: "beta works best at 0.7", "an increase of 0.4%" over 1.0; 4.4.1, Fig. 5: "lambda_sr
        # works best at 100".
        *(HigherF1("G", other, on=(_TO_TARGET,)) for other in (*_OTHER_FOCUS, *_OTHER_RECONSTRUCTION)),
        # 4.2.3, Table 6, which is of BP4D: "with the help of" the other tasks better than branches trained
        # alone "with large margins of 2.71% and 0.97%".
        *(LowerLandmarkError(ours, "landmarks", on=(_OWN,)) for ours in _OURS),
    ),
)
