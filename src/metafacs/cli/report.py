"""Write the tables and the page of records that were made before, e.g. of a comparison, and archive them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.options import add_paper_option
from metafacs.cli.output import write_comparison, write_few_shot
from metafacs.cli.summary import say
from metafacs.evaluation.archive import SUFFIX, Archivable, ArchiveError, read_archive, write_archive
from metafacs.evaluation.few_shot_records import FewShotRecord, read_few_shot_records
from metafacs.evaluation.record_files import RecordError
from metafacs.evaluation.records import Record, read_records
from metafacs.locks import claimed
from metafacs.reports.comparison import Comparison
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.few_shot_transfer import FewShotTransfer
from metafacs.reports.named_paper import find_paper
from metafacs.reports.overview import (
    OVERVIEW,
    few_shot_overview_lines,
    overview_lines,
    read_overview,
    write_overview,
)
from metafacs.reports.papers.paper import Paper
from metafacs.texts import check_folder_name, printable


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "records",
        type=Path,
        nargs="+",
        help="records of one data set and split, or of one few-shot test: files, folders, an archive such as "
        "results/mal_bp4d_twin, or rows of one such as results/mal_bp4d_twin/mal",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables and report.html")
    parser.add_argument(
        "--curve",
        type=str | None,
        default=None,
        help="option over whose values the scores are drawn, too, e.g. options.focus; runs may differ in it "
        "only. Or a dose of what misleads: expression_pictures.permuted_labels or "
        "expression_pictures.without_action_units, with a line per method",
    )
    parser.add_argument(
        "--training",
        type=list[str] | None,
        default=None,
        help="rows whose losses, learned weights and accuracy during training are drawn, e.g. '[mal]'; '[]' "
        "for all rows",
    )
    parser.add_argument(
        "--against",
        type=str | None,
        default=None,
        help="row that every other row is asked to be better than, e.g. multi_task: differences with "
        "intervals in AUC and F1, on the same people",
    )
    parser.add_argument(
        "--beside",
        type=Path | None,
        default=None,
        help="few-shot records of the same people and draws after training on another data set, e.g. "
        "results/few_shot_disfa_twin beside results/few_shot_cross_twin: a table and a figure of what the "
        "training data change, person by person",
    )
    add_paper_option(parser)
    parser.add_argument(
        "--archive",
        type=Path | None,
        default=None,
        help="file that keeps all the records in few bytes, e.g. results/NAME.jsonl; the lines of NAME in "
        f"{OVERVIEW} beside it are replaced",
    )
    return parser


def run(arguments: Namespace) -> int:
    """Read every record and write what they say; 1 if a record was damaged and left out."""
    paper = find_paper(arguments.paper or "")
    archive, out = arguments.archive, arguments.out
    curve, against = (arguments.curve or "").removeprefix("options."), arguments.against or ""
    if curve:
        check_folder_name(curve)
    if archive is not None:
        _check_archive(archive, out)
    damaged: list[str] = []
    compared: FewShotComparison | Comparison
    transfer: FewShotTransfer | None = None
    learned = read_few_shot_records(*arguments.records, damaged=damaged)
    if learned:
        if curve or arguments.training is not None or against:
            raise RecordError(
                f"{arguments.records[0]} is of a few-shot test, which has no --curve, --training or --against"
            )
        compared = FewShotComparison(learned, paper)
        if arguments.beside is not None:
            transfer = FewShotTransfer(compared, _few_shot_test(arguments.beside, compared.paper))
    elif arguments.beside is not None:
        raise RecordError(f"--beside is of few-shot tests, and {arguments.records[0]} holds none")
    else:
        compared = Comparison(read_records(*arguments.records, damaged=damaged), paper)
    if archive is not None:
        if damaged:
            raise ArchiveError(f"{damaged[0]}; an archive is made of whole records only")
        _refuse_to_lose(archive, compared)
    with claimed(out, "writing a report"):
        if isinstance(compared, FewShotComparison):
            write_few_shot(compared, out, transfer)
        else:
            facts = [("Left out", f"damaged records: {'; '.join(damaged)}")] if damaged else []
            write_comparison(
                compared,
                out,
                _command(arguments),
                curve=curve,
                curves=arguments.training,
                against=against,
                facts=facts,
            )
    if archive is not None:
        # Others archive there too, and have perhaps meanwhile.
        with claimed(archive.parent, f"archiving {archive.stem}", wait=True):
            _refuse_to_lose(archive, compared)
            _write_archive(archive, compared)
    for problem in damaged:
        print(f"metafacs report: {printable(problem)}", file=sys.stderr)
    if damaged:
        kept = len(_all_records(compared))
        print(
            f"metafacs report: {len(damaged)} of {kept + len(damaged)} records are damaged and left out",
            file=sys.stderr,
        )
    return int(bool(damaged))


def _few_shot_test(place: Path, paper: Paper | None) -> FewShotComparison:
    """Return the records of ``--beside``; a damaged one raises, since its person could not be paired."""
    records = read_few_shot_records(place)
    if not records:
        raise RecordError(f"--beside {place} holds no few-shot records")
    return FewShotComparison(records, paper)


def _command(arguments: Namespace) -> str:
    """Return the shell command that makes the tables and the page again."""
    words = ["metafacs", "report", *(place.as_posix() for place in arguments.records)]
    words += ["--out", arguments.out.as_posix()]
    for name in ("paper", "curve", "against"):
        words += [f"--{name}", arguments[name]] if arguments[name] else []
    if arguments.training is not None:
        words += ["--training", f"[{', '.join(arguments.training)}]"]
    return shlex.join(words)


def _all_records(compared: Comparison | FewShotComparison) -> Sequence[Record] | Sequence[FewShotRecord]:
    """Return everything that was read, runs that lost too."""
    return compared.all_records if isinstance(compared, Comparison) else compared.records


def _check_archive(archive: Path, out: Path) -> None:
    if archive.suffix != SUFFIX:
        raise ArchiveError(f"an archive is named NAME{SUFFIX}, but --archive says {archive}")
    if archive.parent.resolve() == out.resolve():
        raise ArchiveError(
            f"--out {out} would overwrite the {OVERVIEW} beside {archive}; choose another --out"
        )


def _refuse_to_lose(archive: Path, compared: Comparison | FewShotComparison) -> None:
    """Raise an ArchiveError if a file is there that is another's, or holds runs that would be lost."""
    if not archive.exists():
        return
    kept: set[tuple[str, str]] = set()
    try:
        if isinstance(compared, FewShotComparison):
            kept = {record.run for record in read_archive(archive, FewShotRecord.from_json)}
        else:
            kept = {record.run for record in read_archive(archive, Record.from_json)}
    except ArchiveError as error:
        raise ArchiveError(f"{error}; or delete it or give another name: it would be overwritten") from error
    if lost := sorted(kept - {record.run for record in _all_records(compared)}):
        raise ArchiveError(
            f"{archive} holds {len(lost)} runs that would be lost, e.g. {'-'.join(lost[0])}; give another "
            "name, or delete it"
        )


def _write_archive(archive: Path, compared: Comparison | FewShotComparison) -> None:
    """Write the records, each with the name of its paper, and the comparison's lines of the overview."""
    paper = compared.paper.name if compared.paper else ""
    records: list[Archivable] = [replace(record, paper=paper) for record in _all_records(compared)]
    overview, name = archive.parent / OVERVIEW, archive.stem
    others = [line for line in read_overview(overview) if line["comparison"] != name]
    if isinstance(compared, FewShotComparison):
        lines = few_shot_overview_lines(name, compared)
    else:
        lines = overview_lines(name, compared)
    write_archive(archive, records, name=name)
    write_overview(overview, [*others, *lines])
    say(f"archive: {printable(archive)}, {len(records)} runs\noverview: {printable(overview)}")
