"""Photos as a table of action units and as pictures with these drawn on them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from metafacs.faces.pictures import PictureError, read_picture
from metafacs.files import written_whole
from metafacs.inference.detector import Detector
from metafacs.inference.overlay import draw_overlay
from metafacs.inference.result import FaceResult
from metafacs.inference.writers import SUFFIXES, open_writer


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
                drawing = draw_overlay(
                    image,
                    results,
                    detector.thresholds,
                    synthetic=detector.synthetic,
                    experimental=detector.experimental,
                )
                name = photo.stem
                while name in drawn:
                    name = f"{name}_{frame}"
                drawn.add(name)
                with written_whole(out / f"{name}_overlay.png") as temporary:
                    drawing.save(temporary, "PNG")
    print(f"table: {table}")
    return unreadable


def describe(photo: Path, results: Sequence[FaceResult], detector: Detector) -> str:
    """Return one line per face with the action units that are present.

    Behind the probability stands the intensity where the detector tells it, e.g. ``AU12 0.93 (3.1)``, and
    what is experimental is called so.
    """
    lines = []
    for result in results:
        if not result.success:
            lines.append(f"{photo.name}: no face found")
            continue
        shown = [_told(au, result, detector) for au, on in result.present(detector.thresholds).items() if on]
        lines.append(f"{photo.name}, face {result.face_id}: {', '.join(shown) or 'no action unit present'}")
    return "\n".join(lines)


def _told(au: int, result: FaceResult, detector: Detector) -> str:
    parts = [f"AU{au} {result.probabilities[au]:.2f}"]
    if au in result.intensities:
        parts.append(f"({result.intensities[au]:.1f})")
    if au in detector.experimental:
        parts.append("(experimental)")
    return " ".join(parts)
