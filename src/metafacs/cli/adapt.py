"""Train an AU detector for a folder of unlabelled pictures from a labelled store; takes up a stopped run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.checkpoints.description import THRESHOLD
from metafacs.cli.output import print_levels
from metafacs.cli.stores import print_store
from metafacs.data.datasets import READERS
from metafacs.data.prepare import prepare_store
from metafacs.evaluation.protocols import keep_thresholds
from metafacs.faces.alignment import AlignmentSpec
from metafacs.methods import METHODS
from metafacs.methods.options import refuse_reading
from metafacs.models.devices import check_device
from metafacs.training.domain_adaptation import adapt, check_lengths, check_source


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_argument(
        "--target", type=Path, required=True, help="folder with pictures and videos to adapt to, in any depth"
    )
    parser.add_argument("--every", type=int, default=30, help="of a video take every so many-th frame")
    parser.add_argument(
        "--workers", type=int | None, default=None, help="processes for finding faces; default one per core"
    )
    parser.add_function_arguments(adapt, skip={"target"})
    return parser


def run(arguments: Namespace) -> None:
    """Cut the faces out as the source's are, train, choose thresholds, print what was done and where."""
    values = {name: value for name, value in vars(arguments).items() if name != "config"}
    folder, every, workers = (values.pop(name) for name in ("target", "every", "workers"))
    first = values["landmarks_iterations"] + values["supervised_iterations"]
    source = check_source(values["source"], values["method"], values["size"], first)
    lengths = ("landmarks_iterations", "supervised_iterations", "iterations", "checkpoint_every")
    check_lengths(*(values[name] for name in lengths))
    if values["read"]:
        refuse_reading(values["method"], METHODS[values["method"]], values["read"])
    check_device(values["accelerator"])
    reading = READERS["pictures"](folder, every=every)
    print(reading)
    store = prepare_store(
        reading,
        values["out"] / "target",
        size=source.size,
        alignment=AlignmentSpec.from_mapping(source.description["alignment"]),
        workers=workers,
        progress=values["progress"],
    )
    print_store(store, reading)
    model = adapt(target=store.path, **values)
    if load_checkpoint(model).description.held_out.validation:
        keep_thresholds(model, values["source"])
        print("thresholds: best F1 per action unit on the source's validation people")
    else:
        print(
            f"thresholds: {THRESHOLD} for every action unit, which may be far off after adaptation; "
            "--validation_people N takes people of the source out to choose them by"
        )
    print_levels(model)
    print(f"model: {model}; try it with 'metafacs predict PICTURES --model {model}'")
