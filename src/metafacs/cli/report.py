"""Write the tables and the page of records that were made before, e.g. of a comparison, and archive them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli import few_shot
from metafacs.cli.compare import write_results
from metafacs.cli.evaluate import print_table
from metafacs.evaluation.archive import SUFFIX, Archivable, ArchiveError, write_archive
from metafacs.evaluation.few_shot_records import read_few_shot_records
from metafacs.evaluation.records import RecordError, read_records
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
    archive = arguments.archive
    if archive is not None:
        _check_archive(archive, arguments.out)
    learned = read_few_shot_records(*arguments.records)
    if learned:
        if arguments.curve is not None:
            raise RecordError(
                f"{arguments.records[0]} is of a few-shot test, which has no curve over options"
            )
        few_shot.write_results(learned, arguments.out)
        if archive is not None:
            _write_archive(archive, learned, few_shot_overview_lines(archive.stem, learned))
        return
    records = read_records(*arguments.records)
    places = " ".join(place.as_posix() for place in arguments.records)
    write_results(records, arguments.out, f"metafacs report {places}")
    if arguments.curve is not None:
        option = arguments.curve.removeprefix("options.")
        print_table(curve_table(records, option), arguments.out)
        figure = arguments.out / f"curve_{option}.png"
        save_figure(option_curve(records, option), figure)
        print(f"curve: {figure}")
    if archive is not None:
        _write_archive(archive, records, overview_lines(archive.stem, records))


def _check_archive(archive: Path, out: Path) -> None:
    if archive.suffix != SUFFIX:
        raise ArchiveError(f"an archive is named NAME{SUFFIX}, but --archive says {archive}")
    if archive.parent.resolve() == out.resolve():
        raise ArchiveError(
            f"--out {out} would overwrite the {OVERVIEW} beside {archive}; choose another --out"
        )


def _write_archive(archive: Path, records: Sequence[Archivable], lines: Sequence[Line]) -> None:
    overview = archive.parent / OVERVIEW
    others = [line for line in read_overview(overview) if line["comparison"] != archive.stem]
    write_archive(archive, records, name=archive.stem)
    write_overview(overview, [*others, *lines])
    print(f"archive: {archive}, {len(records)} runs\noverview: {overview}")
