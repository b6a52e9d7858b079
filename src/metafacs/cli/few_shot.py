"""Train few-shot learners, adapt them to people from a few pictures, and write the tables of MAML-AU."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.output import write_few_shot
from metafacs.evaluation.few_shot_protocol import plan_few_shot, run_few_shot
from metafacs.reports.named_paper import find_paper


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_function_arguments(plan_few_shot)
    parser.add_argument("--workers", type=int | None, default=None, help="processes; default one per core")
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(arguments: Namespace) -> None:
    """Do what is missing, then write table and figures of everything that is there."""
    values = vars(arguments)
    values.pop("config", None)
    workers, progress = values.pop("workers"), values.pop("progress")
    paper = find_paper(values["paper"])
    protocol = plan_few_shot(**values)
    records = run_few_shot(protocol, workers=workers, progress=progress)
    write_few_shot(records, protocol.out, paper)
