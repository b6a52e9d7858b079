"""Write the tables and the page of records that were made before, e.g. of a comparison, and archive them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.options import add_paper_option
from metafacs.cli.output import print_table, write_comparison, write_few_shot
from metafacs.evaluation.archive import SUFFIX, Archivable, ArchiveError, write_archive
from metafacs.evaluation.few_shot_records import read_few_shot_records
from metafacs.evaluation.records import RecordError, read_records
from metafacs.reports.comparison import Comparison
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.named_paper import find_paper
from metafacs.reports.option_curve import curve_table, option_curve
from metafacs.reports.overview import (
    OVERVIEW,
    Line,
    few_shot_overview_lines,
    overview_lines,
    read_overview,
    write_overview,
)
from metafacs.reports.style import save_figure


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
        "only",
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


def run(arguments: Namespace) -> None:
    """Read every record and write what they say."""
    paper = find_paper(arguments.paper or "")
    archive = arguments.archive
    if archive is not None:
        _check_archive(archive, arguments.out)
    learned = read_few_shot_records(*arguments.records)
    if learned:
        if arguments.curve is not None:
            raise RecordError(
                f"{arguments.records[0]} is of a few-shot test, which has no curve over options"
            )
        tests = FewShotComparison(learned, paper)
        write_few_shot(tests, arguments.out)
        if archive is not None:
            _write_archive(archive, tests, few_shot_overview_lines(archive.stem, tests))
        return
    comparison = Comparison(read_records(*arguments.records), paper)
    words = ["metafacs report", *(place.as_posix() for place in arguments.records)]
    words += [f"--paper {arguments.paper}"] if arguments.paper else []
    write_comparison(comparison, arguments.out, " ".join(words))
    if arguments.curve is not None:
        option = arguments.curve.removeprefix("options.")
        print_table(curve_table(comparison, option), arguments.out)
        figure = arguments.out / f"curve_{option}.png"
        save_figure(option_curve(comparison, option), figure)
        print(f"curve: {figure}")
    if archive is not None:
        _write_archive(archive, comparison, overview_lines(archive.stem, comparison))


def _check_archive(archive: Path, out: Path) -> None:
    if archive.suffix != SUFFIX:
        raise ArchiveError(f"an archive is named NAME{SUFFIX}, but --archive says {archive}")
    if archive.parent.resolve() == out.resolve():
        raise ArchiveError(
            f"--out {out} would overwrite the {OVERVIEW} beside {archive}; choose another --out"
        )


def _write_archive(archive: Path, comparison: Comparison | FewShotComparison, lines: Sequence[Line]) -> None:
    """Write the records, each with the name of its paper, and the comparison's lines of the overview."""
    paper = comparison.paper.name if comparison.paper else ""
    records: list[Archivable] = [replace(record, paper=paper) for record in comparison.records]
    overview = archive.parent / OVERVIEW
    others = [line for line in read_overview(overview) if line["comparison"] != archive.stem]
    write_archive(archive, records, name=archive.stem)
    write_overview(overview, [*others, *lines])
    print(f"archive: {archive}, {len(records)} runs\noverview: {overview}")
