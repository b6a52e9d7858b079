"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser

from metafacs.data.splits import SplitName
from metafacs.models.dual_domain import Domain
from metafacs.reports.papers import PAPERS


def add_test_options(parser: ArgumentParser) -> None:
    """Add the options that choose whom a model is tested on."""
    parser.add_argument(
        "--split",
        type=SplitName | None,
        default=None,
        help="split of a data set that the models were not trained on; default the usual one; everybody: all "
        "of it",
    )
    parser.add_argument("--fold", type=int | None, default=None, help="default the fold each was trained for")
    parser.add_argument(
        "--side",
        type=Literal["test", "validation"],
        default="test",
        help="validation: the people to choose settings by",
    )
    parser.add_argument(
        "--domain",
        type=Domain | None,
        default=None,
        help="read the pictures as the source's or the target's, in methods that read domains apart; default "
        "source on the data set trained on, else target",
    )


def add_device_option(parser: ArgumentParser) -> None:
    """Add the option that says where models run."""
    parser.add_argument("--device", type=str, default="cpu", help="cpu, cuda, mps, gpu or auto")


def add_threshold_options(parser: ArgumentParser) -> None:
    """Add the options that choose from which probability on AUs count as present."""
    parser.add_argument(
        "--thresholds",
        type=Literal["validation"] | float | None,
        default=None,
        help="from which probability on AUs count as present: a number; validation: best F1 per AU on the "
        "validation people of the data a model was trained on, which the model keeps unless --out is given; "
        "default as the model says, .5 if it says nothing",
    )
    parser.add_argument(
        "--validation_store",
        type=Path | None,
        default=None,
        help="prepared store with these people, where the models are tested on other data",
    )


def add_paper_option(parser: ArgumentParser) -> None:
    """Add the option that names the paper of records that do not name one themselves."""
    parser.add_argument(
        "--paper",
        type=Literal[tuple(PAPERS)] | None,
        default=None,
        help="paper whose printed scores stand beside ours and whose claims are answered, for records that "
        "do not name one",
    )
