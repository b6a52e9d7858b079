"""Tell which action units the faces on photos show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.cli.photos import predict_photos
from metafacs.inference.loading import load_detector
from metafacs.inference.writers import WRITERS


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+", help="picture files")
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="model.safetensors that 'metafacs train' wrote; without it the detector in the package, which "
        "was trained on rendered people",
    )
    parser.add_argument(
        "--person", type=Path | None, default=None, help="file of 'metafacs personalise' for this model"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("predictions"), help="folder for the table and the overlays"
    )
    parser.add_argument(
        "--format", type=Literal[tuple(WRITERS)], default="openface", help="convention of the table"
    )
    parser.add_argument("--overlay", type=bool, default=True, help="draw the results onto every photo")
    parser.add_argument("--device", type=str, default="cpu", help="cpu, cuda or mps")
    add_foreign_options(parser)
    return parser


def run(arguments: Namespace) -> int:
    """Analyse the photos, write the table and the overlays; 1 if a photo could not be read."""
    import_foreign(arguments)
    detector = load_detector(arguments.model, arguments.device, arguments.person)
    unreadable = predict_photos(
        detector, arguments.photos, arguments.out, form=arguments.format, overlay=arguments.overlay
    )
    return 1 if unreadable else 0
