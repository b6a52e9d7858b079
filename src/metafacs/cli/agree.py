"""Tell how well a table of action units agrees with what people coded, or two coders with each other."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import NonNegativeInt, OpenUnitInterval

from metafacs.cli.output import write_own
from metafacs.cli.own_files import as_json
from metafacs.cli.summary import say
from metafacs.data.codings import CodingError, ReadingRules, read_coding
from metafacs.data.codings.coding import Coding
from metafacs.evaluation.agreement import Agreement, score_agreement
from metafacs.evaluation.agreement_alignment import AlignedPair, align
from metafacs.evaluation.agreement_events import EventRules
from metafacs.evaluation.agreement_pairs import FilePair, pair_files
from metafacs.evaluation.agreement_shift import ShiftEvidence, check_shift, shift_evidence
from metafacs.locks import claimed
from metafacs.reports.agreement import (
    agreement_csv,
    agreement_table,
    confusion_table,
    in_sections,
    people_table,
    undefined_in_words,
)
from metafacs.reports.agreement_figures import draw_disagreements
from metafacs.reports.style import encoded
from metafacs.reports.tables import faces_in_words
from metafacs.texts import printable, shown
from metafacs.version import __version__

_TABLE, _TEXT, _JSON = "agreement.csv", "agreement.md", "agreement.json"
_PLOTS = "disagreements"
_MOST_REPETITIONS = 100_000


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "files",
        type=Path,
        nargs="*",
        help="a table (of metafacs, OpenFace, py-feat or LibreFace) or a coding (.csv by frames or "
        "intervals, ELAN's .eaf) and the coding it is compared with; for several videos two files each, or "
        "two folders; the first may be one of parts that 'metafacs predict' wrote of many videos",
    )
    parser.add_argument(
        "--pairs",
        type=Path | None,
        default=None,
        help="CSV with the columns left, right and, if wanted, subject and person, instead of files",
    )
    parser.add_argument("--out", type=Path, default=Path("agreement"), help="folder for tables and plots")
    parser.add_argument(
        "--person",
        type=str | None,
        default=None,
        help="which person of the table was coded, where the coding does not tell",
    )
    parser.add_argument(
        "--rate",
        type=float | None,
        default=None,
        help="frames per second of the video; takes the place of the times in tables",
    )
    parser.add_argument(
        "--first_frame",
        type=int | None,
        default=None,
        help="number of a video's first frame in codings by people, 0 or 1; without it taken from the file",
    )
    parser.add_argument(
        "--coded_range",
        type=str | None,
        default=None,
        help="stretches that interval lists and ELAN files code, in seconds, e.g. 0-60 or 0-60,90-120; "
        "or all",
    )
    parser.add_argument(
        "--threshold",
        type=float | None,
        default=None,
        help="probability from which on an AU is present; without it as the table or its sidecar says, or .5",
    )
    parser.add_argument(
        "--present_from", type=float, default=1.0, help="least intensity that is present; 1 is level A"
    )
    parser.add_argument(
        "--min_confidence",
        type=float,
        default=0.0,
        help="rows of tables with less confidence are unknown",
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.5, help="seconds between the onsets of two events that are one"
    )
    parser.add_argument(
        "--overlap",
        type=float,
        default=0.5,
        help="shared part of the time of two events from which on they are one, too",
    )
    parser.add_argument(
        "--level", type=OpenUnitInterval, default=0.95, help="coverage of the intervals over people"
    )
    parser.add_argument("--repetitions", type=int, default=2000, help="resamples of people")
    parser.add_argument("--seed", type=NonNegativeInt, default=0, help="seed of the resampling")
    parser.add_argument("--plot", type=bool, default=True, help="draw the disagreements over time")
    return parser


def run(arguments: Namespace) -> None:
    """Compare every pair, print the tables, write them as CSV, Markdown and JSON, and the plots."""
    rules = ReadingRules(
        arguments.first_frame,
        arguments.threshold,
        arguments.present_from,
        arguments.min_confidence,
        _coded_range(arguments.coded_range),
    )
    if arguments.rate is not None and not 0 < arguments.rate < math.inf:
        raise ValueError(f"--rate is the number of frames per second, above 0, not {arguments.rate}")
    if not 1 <= arguments.repetitions <= _MOST_REPETITIONS:
        raise ValueError(
            f"--repetitions is at least 1 and at most {_MOST_REPETITIONS:,}, not {arguments.repetitions}"
        )
    event_rules = EventRules(arguments.tolerance, arguments.overlap)
    pairs, warnings = pair_files(arguments.files, arguments.pairs)
    _refuse_overwriting(pairs, arguments.out)
    aligned: list[AlignedPair] = []
    shifts: dict[str, ShiftEvidence] = {}
    notes: list[str] = []
    synthetic = False
    for pair in pairs:
        left = read_coding(pair.left, rules, video=pair.left_input)
        right = read_coding(pair.right, rules)
        synthetic |= left.synthetic or right.synthetic
        one = _aligned(pair, left, right, arguments)
        aligned.append(one)
        notes += one.notes
        warnings += one.warnings
        evidence = shift_evidence(one)
        if evidence is not None:
            shifts[one.video] = evidence
            warnings += check_shift(one, evidence)
    people = [person for one in aligned for person in one.people]
    agreement = score_agreement(
        people,
        event_rules,
        level=arguments.level,
        repetitions=arguments.repetitions,
        seed=arguments.seed,
    )
    warnings += _missing_frames(agreement)
    warnings, notes = list(dict.fromkeys(warnings)), list(dict.fromkeys(notes))
    faces = faces_in_words(tested=False, trained=synthetic)
    _write(agreement, pairs, shifts, faces, warnings, notes, arguments)


def _aligned(pair: FilePair, left: Coding, right: Coding, arguments: Namespace) -> AlignedPair:
    return align(
        left,
        right,
        video=pair.video,
        subject=pair.subject,
        person=pair.person or arguments.person,
        rate=arguments.rate,
    )


def _write(
    agreement: Agreement,
    pairs: Sequence[FilePair],
    shifts: dict[str, ShiftEvidence],
    faces: str,
    warnings: list[str],
    notes: list[str],
    arguments: Namespace,
) -> None:
    title = _title(pairs) + (f" ({faces})" if faces else "")
    out = arguments.out
    tables = [agreement_table(agreement, title), people_table(agreement), confusion_table(agreement)]
    lists = {"No value (-)": undefined_in_words(agreement), "Warnings": warnings}
    files = {
        _TABLE: agreement_csv(agreement).encode(),
        _TEXT: in_sections(tables, {**lists, "What was assumed": notes}).encode(),
        _JSON: as_json(_record(agreement, pairs, shifts, faces, warnings, notes, arguments)),
    }
    plots = _plots(agreement, pairs, faces) if arguments.plot else {}
    with claimed(out, "writing how codings agree"):
        write_own(files | plots, out, "agree")
    say(in_sections(tables[:2], lists))
    say(f"tables: {printable(out / _TABLE)}, {_TEXT} and {_JSON}")
    if plots:
        say(f"plots: {printable(out / (_PLOTS if len(plots) > 1 else f'{_PLOTS}.png'))}")


def _title(pairs: Sequence[FilePair]) -> str:
    if len(pairs) == 1:
        return f"Agreement of {pairs[0].left.name} (left) with {pairs[0].right.name} (right)"
    return f"Agreement of left and right over {len(pairs)} videos"


def _plots(agreement: Agreement, pairs: Sequence[FilePair], faces: str) -> dict[str, bytes]:
    """Draw each person; return the pictures by their place, in a folder if there are several."""
    drawn = [each for each in agreement.people if each.aus]
    files = {pair.video: pair for pair in pairs}
    plots: dict[str, bytes] = {}
    for each in drawn:
        name = shown(re.sub(r"[^\w.-]+", "_", each.person.name))
        place = f"{_PLOTS}.png" if len(drawn) == 1 else f"{_PLOTS}/{name}.png"
        if place in plots:
            place = f"{_PLOTS}/{name}~{len(plots)}.png"
        pair = files[each.person.video]
        figure = draw_disagreements(each, left=pair.left.name, right=pair.right.name, faces=faces)
        plots[place] = encoded(figure)
    return plots


def _coded_range(text: str | None) -> tuple[tuple[float, float], ...] | None:
    """Return the stretches that an option such as ``0-60,90-120`` or ``all`` tells."""
    if text is None:
        return None
    if text.strip().lower() == "all":
        return ((-math.inf, math.inf),)
    stretches = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*-\s*(\d+(?:\.\d*)?)\s*", part)
        if match is None:
            raise ValueError(f"--coded_range is e.g. 0-60, 0-60,90-120 or all, not '{text}'")
        stretches.append((float(match[1]), float(match[2])))
    return tuple(sorted(stretches))


def _refuse_overwriting(pairs: Sequence[FilePair], out: Path) -> None:
    results = {(out / name).resolve() for name in (_TABLE, _TEXT, _JSON)}
    for pair in pairs:
        for path in (pair.left, pair.right):
            if path.resolve() in results:
                raise CodingError(f"{path} would be overwritten by the result; give another folder as --out")


def _missing_frames(agreement: Agreement) -> list[str]:
    """Return one sentence per person of whom one file lacks frames that the other has."""
    told = []
    for each in agreement.people:
        account = each.person.account
        parts = [
            f"{count:,} only {side}"
            for count, side in ((account.left_only, "left"), (account.right_only, "right"))
            if count
        ]
        if parts:
            told.append(f"{each.person.name}: {account.both:,} frames are in both files, {', '.join(parts)}")
    return told


def _record(
    agreement: Agreement,
    pairs: Sequence[FilePair],
    shifts: dict[str, ShiftEvidence],
    faces: str,
    warnings: list[str],
    notes: list[str],
    arguments: Namespace,
) -> dict[str, object]:
    options = (
        *("person", "rate", "first_frame", "coded_range", "threshold", "present_from", "min_confidence"),
        *("tolerance", "overlap", "level", "repetitions", "seed"),
    )
    return {
        "metafacs": __version__,
        "faces": faces,
        "pairs": [
            {name: None if value is None else str(value) for name, value in asdict(pair).items()}
            for pair in pairs
        ],
        "options": {name: arguments[name] for name in options},
        "subjects": agreement.subjects,
        "means": _finite(agreement.means),
        "intervals": {name: list(bounds) for name, bounds in agreement.intervals.items() if _told(bounds)},
        "shifts": {
            video: {
                "frames": each.shifts.tolist(),
                "kappa": [None if math.isnan(value) else value for value in each.kappas.tolist()],
                "differing": [None if math.isinf(v) else v for v in each.disagreements.tolist()],
                "best": each.best,
                "clear": each.is_clear,
            }
            for video, each in shifts.items()
        },
        "warnings": warnings,
        "notes": notes,
    }


def _finite(values: object) -> dict[str, float | None]:
    assert isinstance(values, dict)
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _told(bounds: tuple[float, float]) -> bool:
    return not any(math.isnan(bound) for bound in bounds)
