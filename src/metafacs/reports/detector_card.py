"""The card of a detector: what it is, what it is worth on rendered and on real people, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict, TypeVar

from msgspec import Meta

from metafacs.checkpoints.description import Description
from metafacs.facs import au_column, au_name
from metafacs.parsing import convert

SCORES = "scores_on_held_out_rendered_people"
_AT_REST: Literal["share seen at rest"] = "share seen at rest"

KindT = TypeVar("KindT")

_NOT_FOR = """## What it cannot do, and what it is not for

- It has not been tested on action units coded by people: the real pictures above tell what somebody was told
  to show, or what others saw in a face. An area under the curve there says that an action unit tells an
  expression from other faces, not that a FACS coder would have coded it.
- Action units marked *experimental* have no such evidence at all.
- Frowns, raised brows and parted lips of a face at rest, spectacles, hands, hats, make-up, beards, poor light
  and heads turned by more than about 30 degrees make it wrong more often.
- Intensities are levels of rendered faces. Compare a person with themselves, not people with each other.
- It does not tell what anybody feels, thinks or intends, nor whether they lie. It is not for decisions about
  people: hiring, credit, policing, borders, school, insurance, health care, or any surveillance. In the
  European Union, inferring emotions at work and at school is forbidden (Regulation 2024/1689, Article 5).
- Neither set says who is old, of which sex or of which origin. How it differs between groups of people is not
  known; measure it on yours before you compare groups.
"""


class Area(TypedDict):
    """An area under the curve with its interval, and the share of pairs of one person that are told apart."""

    auc: float | None
    low: float | None
    high: float | None
    pairs_won: float | None


class _Row(TypedDict):
    expression: str
    au: int
    floor: Area | None
    models: dict[str, Area | None]
    against_others: dict[str, float | None]


class _LipsApart(TypedDict):
    models: dict[str, Area | None]


class _Share(TypedDict):
    share: float


class Measured(TypedDict):
    """What ``benchmarks/real_faces.py`` measured on one set of real people."""

    pictures: dict[str, int]
    people: int | None
    rows: list[_Row]
    lips_apart: _LipsApart
    neutral: dict[str, dict[int, _Share]]


class _AuScores(TypedDict):
    auc: float | None
    f1: float | None
    icc: float | None


class _Mean(TypedDict):
    auc: float
    f1: float
    icc: float
    mae: float


class _Scores(TypedDict):
    pictures: int
    people: int
    mean: _Mean
    pose_degrees: Annotated[list[float], Meta(min_length=3, max_length=3)]
    aus: dict[int, _AuScores]


_Chosen = TypedDict("_Chosen", {"faces at rest": str, "share seen at rest": dict[str, float | None]})


class _Batch(TypedDict):
    au: int


class _Training(TypedDict):
    iterations: int
    batch: _Batch


def detector_card(
    aus: Sequence[int], description: Description, real: Mapping[str, Measured] | None = None
) -> str:
    """Return the card of a detector as Markdown.

    Args:
        aus: FACS numbers that it detects.
        description: What its model file says of it, scores on held-out rendered people included.
        real: Results of ``benchmarks/real_faces.py`` with this model alone: set -> what was measured; None
            if it was not measured on real people.

    Raises:
        ValueError: If the model was not made by ``metafacs detector build``, or several were measured.
    """
    if SCORES not in description.more:
        raise ValueError("the model holds no scores; make it with 'metafacs detector build'")
    scores = _told(description.more[SCORES], SCORES, _Scores)
    chosen = _told(description.thresholds_chosen_on, "thresholds_chosen_on", _Chosen)
    if strange := [au for au in aus if au not in scores["aus"] or au_column(au) not in chosen[_AT_REST]]:
        raise ValueError(f"the model holds no scores of {strange}; make it with 'metafacs detector build'")
    parts = [
        _what_it_is(description, scores),
        _rendered(aus, description, scores, chosen),
        *([_real(real)] if real else ["## Real people\n\nNot measured.\n"]),
        _NOT_FOR,
    ]
    return "\n".join(parts)


def _told(said: Any, name: str, kind: type[KindT]) -> KindT:
    return convert(said, kind, f"the model, {name}", ValueError, "make it with 'metafacs detector build'")


def _what_it_is(description: Description, scores: _Scores) -> str:
    crop = description.framing.crop_size
    more = convert(
        description.more, _Training, "the model", ValueError, "make it with 'metafacs detector build'"
    )
    learned = f"{description.pictures.get('au', 0):,} pictures of rendered people (*synthetic*)"
    steps = f"{more['iterations']:,} iterations of {more['batch']['au']}, seed {description.seed}"
    others = f"{scores['pictures']:,} pictures of {scores['people']:,} other rendered people"
    return f"""# Detector card

## What it is

- **Reads** a face that metafacs found, cut out at {crop} px, through MediaPipe's attention mesh (frozen; it
  has seen real faces), and tells probability and intensity of action units, and the head's pose.
- **Trained** on {learned}: {steps}. No label of a real face was learned from.
- **Tested** on {others}, and on the real people below.
- **Licence**: {description.licence}.
"""


def _rendered(aus: Sequence[int], description: Description, scores: _Scores, chosen: _Chosen) -> str:
    mean, pose = scores["mean"], scores["pose_degrees"]
    alarms = chosen[_AT_REST]
    lines = [
        "## Held-out rendered people (*synthetic*)",
        "",
        f"Mean area under the ROC curve {mean['auc']:.3f}, F1 {mean['f1']:.3f}, ICC(3,1) of the intensity",
        f"{mean['icc']:.3f}, its mean absolute error {mean['mae']:.2f} levels. Pose: yaw, pitch and roll are",
        f"off by {pose[0]:.1f}, {pose[1]:.1f} and {pose[2]:.1f} degrees. Thresholds: best F1 on the people",
        "of the part `validation`, raised where the action unit was seen on more than 5 % of",
        f"{chosen['faces at rest']}; *at rest* is on how many it is still seen.",
        "",
        "| AU | name | | threshold | AUC | F1 | ICC | at rest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for au in aus:
        row = scores["aus"][au]
        mark = "experimental" if au in description.experimental else ""
        cells = [str(au), au_name(au), mark, f"{description.threshold_of(au):.2f}"]
        known = (row["auc"], row["f1"], row["icc"])
        cells += ["-" if value is None else f"{value:.2f}" for value in known]
        seen = alarms[au_column(au)]
        cells += ["-" if seen is None else f"{100 * seen:.0f} %"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _real(real: Mapping[str, Measured]) -> str:
    lines = ["## Real people", ""]
    lines += [
        "Area under the ROC curve against neutral faces with 95 % intervals; *others*: against all other",
        "pictures of the set, neutral or not; *floor*: the best single distance of the face that the action",
        "unit changes.",
        "",
    ]
    for name, told in real.items():
        counts = ", ".join(f"{number:,} {kind}" for kind, number in told["pictures"].items())
        who = f"{told['people']} people" if told["people"] else "people unknown"
        lines += [f"### {name}: {who}, {counts}", ""]
        lines += ["| expression | AU | floor | detector | others |", "|---|---|---|---|---|"]
        for row in told["rows"]:
            found = list(row["models"])
            if len(found) > 1:
                raise ValueError(f"the results are of {len(found)} models; measure this one alone")
            if found:
                rest = row["against_others"].get(found[0])
                cells = [
                    row["expression"],
                    str(row["au"]),
                    area_cell(row["floor"]),
                    area_cell(row["models"][found[0]]),
                ]
                lines.append(f"| {' | '.join(cells)} | {'' if rest is None else f'{rest:.3f}'} |")
        for model, area in told["lips_apart"]["models"].items():
            lines.append(f"| lips apart | 25 | label: lip gap | {area_cell(area)} | |")
            shares = told["neutral"].get(model, {})
            worst = sorted(shares, key=lambda au: -shares[au]["share"])[:5]
            listed = ", ".join(f"AU{au} {100 * shares[au]['share']:.0f} %" for au in worst)
            lines += ["", f"Seen most often on the neutral faces: {listed}.", ""]
    return "\n".join(lines)


def area_cell(row: Area | Mapping[str, Any] | None, others: float | None = None) -> str:
    """Return ``AUC (low to high)``, pairs won, and the AUC against all other pictures; ``-`` if unknown."""
    if row is None or row["auc"] is None:
        return "-"
    bounds = "" if row["low"] is None else f" ({row['low']:.2f} to {row['high']:.2f})"
    pairs = "" if row["pairs_won"] is None else f", pairs {row['pairs_won']:.2f}"
    rest = "" if others is None else f", others {others:.2f}"
    return f"{row['auc']:.3f}{bounds}{pairs}{rest}"
