"""Train few-shot learners, adapt them to people from a few pictures, and write the tables of MAML-AU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.backbones import written_out, yaml_loader
from metafacs.cli.evaluate import print_table
from metafacs.evaluation.few_shot_protocol import plan_few_shot, run_few_shot
from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.methods.options import with_backbone_written_out
from metafacs.reports.few_shot import accuracy_table, by_shots_and_learner, gains_in_words, steps_table
from metafacs.reports.few_shot_figures import accuracy_by_au, accuracy_by_person, accuracy_by_steps
from metafacs.reports.style import save_figure


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
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(arguments: Namespace) -> None:
    """Do what is missing, then write table and figures of everything that is there."""
    values = vars(arguments)
    values.pop("config", None)
    workers, progress = values.pop("workers"), values.pop("progress")
    protocol = plan_few_shot(**values)
    records = run_few_shot(protocol, workers=workers, progress=progress)
    write_results(records, protocol.out)


def _upgraded(settings: dict[str, Any]) -> dict[str, Any]:
    training = settings.get("training")
    return {**settings, "training": with_backbone_written_out(training)} if training else settings


def write_results(records: Sequence[FewShotRecord], out: Path) -> None:
    """Write the tables and the figures of a protocol and print where they are."""
    for table in (accuracy_table(records), steps_table(records)):
        print_table(table, out)
    print("\n".join(gains_in_words(records)))
    groups = by_shots_and_learner(records)
    most = max(shots for shots, _ in groups)
    models = {f"{name}, {shots} shot": group for (shots, name), group in groups.items() if shots == most}
    save_figure(accuracy_by_au(models), out / "accuracy_by_au.png")
    save_figure(accuracy_by_person(models), out / "accuracy_by_person.png")
    save_figure(accuracy_by_steps(records), out / "accuracy_by_steps.png")
    print(
        f"tables: {out / 'accuracy.md'}, {out / 'accuracy_by_steps.md'}\nfigures: {out / 'accuracy_by_*.png'}"
    )
