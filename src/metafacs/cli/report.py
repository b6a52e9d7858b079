"""Write the tables and the page of records that were made before, e.g. of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.options import add_paper_option
from metafacs.cli.output import print_table, write_comparison, write_few_shot
from metafacs.evaluation.few_shot_records import few_shot_record_paths, read_few_shot_record
from metafacs.evaluation.records import RecordError, read_records
from metafacs.reports.comparison import Comparison
from metafacs.reports.named_paper import find_paper
from metafacs.reports.option_curve import curve_table, option_curve
from metafacs.reports.style import save_figure


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "records",
        type=Path,
        nargs="+",
        help="records, or folders of them, of one data set and split; folders of few-shot records, too",
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
    return parser


def run(arguments: Namespace) -> None:
    """Read every record and write what they say."""
    paper = find_paper(arguments.paper or "")
    learned = [path for place in arguments.records if place.is_dir() for path in few_shot_record_paths(place)]
    if learned:
        if arguments.curve is not None:
            raise RecordError(f"{learned[0]} is of a few-shot test, which has no curve over options")
        write_few_shot([read_few_shot_record(path) for path in learned], arguments.out, paper)
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
