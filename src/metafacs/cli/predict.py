"""Tell which action units the faces on photos show."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.faces.pictures import PictureError, read_picture
from metafacs.files import written_whole
from metafacs.inference.detector import Detector
from metafacs.inference.loading import load_detector
from metafacs.inference.overlay import draw_overlay
from metafacs.inference.result import FaceResult
from metafacs.inference.writers import SUFFIXES, WRITERS, open_writer


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+", help="picture files")
    parser.add_argument(
        "--model", type=Path, required=True, help="model.safetensors that 'metafacs train' wrote"
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


def predict_photos(
    detector: Detector, photos: Sequence[Path], out: Path, *, form: str = "openface", overlay: bool = True
) -> list[str]:
    """Write ``faces.<suffix>`` and one ``<name>_overlay.png`` per photo.

    Of photos with the same name the later ones' overlays carry their frame number too.

    Args:
        detector: What tells the action units.
        photos: Picture files.
        out: Folder to write to.
        form: Convention of the table, a name in ``WRITERS``.
        overlay: Whether to draw the results onto every photo.

    Returns:
        What was wrong with the photos that could not be read; the others are done all the same.
    """
    unreadable: list[str] = []
    drawn: set[str] = set()
    table = out / f"faces{SUFFIXES[form]}"
    with open_writer(table, form, detector) as writer:
        for frame, photo in enumerate(photos):
            try:
                image = read_picture(photo)
            except PictureError as error:
                unreadable.append(str(error))
                print(f"metafacs predict: {error}", file=sys.stderr)
                continue
            results = detector.analyse_picture(image, input=str(photo), frame=frame)
            for result in results:
                writer.write(result)
            print(describe(photo, results, detector))
            if overlay:
                drawing = draw_overlay(image, results, detector.thresholds, synthetic=detector.synthetic)
                name = photo.stem
                while name in drawn:
                    name = f"{name}_{frame}"
                drawn.add(name)
                with written_whole(out / f"{name}_overlay.png") as temporary:
                    drawing.save(temporary, "PNG")
    print(f"table: {table}")
    return unreadable


def describe(photo: Path, results: Sequence[FaceResult], detector: Detector) -> str:
    """Return one line per face with the action units that are present."""
    lines = []
    for result in results:
        if not result.success:
            lines.append(f"{photo.name}: no face found")
            continue
        shown = [
            f"AU{au} {probability:.2f}"
            for au, probability in result.probabilities.items()
            if probability >= detector.thresholds[au]
        ]
        lines.append(f"{photo.name}, face {result.face_id}: {', '.join(shown) or 'no action unit present'}")
    return "\n".join(lines)
