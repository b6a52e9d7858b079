"""Train few-shot learners, adapt them to people from a few pictures, and write the tables of MAML-AU."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli import shards
from metafacs.cli.backbones import written_out, yaml_loader
from metafacs.cli.output import write_few_shot
from metafacs.evaluation.few_shot_protocol import plan_few_shot
from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_runs import run_few_shot
from metafacs.methods.options import with_backbone_written_out
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.named_paper import find_paper
from metafacs.shares import ALL, parse_share


def rewritten(words: Sequence[str]) -> list[str]:
    """Return the words with the short form of a backbone written out."""
    return written_out(words, "training")


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    mode = yaml_loader("few-shot protocol", _upgraded)
    parser = ArgumentParser(description=__doc__, parser_mode=mode)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_function_arguments(plan_few_shot)
    parser.add_argument("--workers", type=int | None, default=None, help="processes; default one per core")
    parser.add_argument("--shard", type=str | None, default=None, help=shards.HELP)
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(arguments: Namespace) -> int:
    """Do what is missing, then write table and figures of everything that is there; 1 if something failed."""
    values = vars(arguments)
    values.pop("config", None)
    workers, progress, shard = (values.pop(name) for name in ("workers", "progress", "shard"))
    share = parse_share(shard) if shard else ALL
    paper = find_paper(values["paper"])
    protocol = plan_few_shot(**values)
    failed: list[str] = []

    def write(records: Sequence[FewShotRecord]) -> None:
        write_few_shot(FewShotComparison(records, paper), protocol.out)

    with shards.claimed_share(protocol.out, share, "few-shot tests"):
        records = run_few_shot(protocol, workers=workers, progress=progress, failed=failed, share=share)
        if share == ALL and records:
            write(records)
    if share != ALL:
        shards.write_if_whole(
            protocol.out, share, len(records), protocol.tests, "tests", lambda: write(records)
        )
    for line in failed:
        print(line, file=sys.stderr)
    if failed:
        print(
            f"{len(failed)} trainings and tests failed. The same command tries them again.", file=sys.stderr
        )
    return int(bool(failed))


def _upgraded(settings: dict[str, Any]) -> dict[str, Any]:
    training = settings.get("training")
    if not isinstance(training, dict):
        return settings
    return {**settings, "training": with_backbone_written_out(training)}
