"""Make inference/assets/resting_faces.jpg and .json: rendered people whose faces are at rest.

    python scripts/build_resting_faces.py src/metafacs/inference/assets

Takes a minute. What a detector says of them is what rest looks like to it, see metafacs.inference.baseline.
The pictures stand side by side in one file; beside it the 68 points of every face, as FaceMesh finds them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from metafacs.faces.pipeline import landmarks_of_aligned
from metafacs.files import digest_of_file, write_text, written_whole
from metafacs.seals import sealed
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject, render
from metafacs.synthesis.scenes import lab_scene, sample_studio
from metafacs.version import __version__

PEOPLE, ACROSS, PIXELS, QUALITY = 32, 8, 208, 92


def main() -> None:
    """Render, look and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to write to")
    folder = parser.parse_args().folder
    sheet = np.zeros((PEOPLE // ACROSS * PIXELS, ACROSS * PIXELS, 3), np.uint8)
    points: list[list[list[float]]] = []
    number = 0
    while len(points) < PEOPLE:
        rng = np.random.default_rng([11, number])
        subject = Subject(sample_identity(number, pool="resting-faces"))
        picture = render(subject, Activation({}), lab_scene(rng, PIXELS, sample_studio(rng)))
        number += 1
        landmarks = landmarks_of_aligned(picture.image)
        if landmarks is None:
            continue
        row, column = divmod(len(points), ACROSS)
        place = slice(row * PIXELS, (row + 1) * PIXELS), slice(column * PIXELS, (column + 1) * PIXELS)
        sheet[place] = picture.image
        points.append(landmarks.round(2).tolist())
    with written_whole(folder / "resting_faces.jpg") as temporary:
        Image.fromarray(sheet).save(temporary, "JPEG", quality=QUALITY, subsampling=0)
    digest = digest_of_file(folder / "resting_faces.jpg")
    content = {"metafacs": __version__, "synthetic": True, "size": PIXELS, "landmarks": points}
    write_text(folder / "resting_faces.json", json.dumps(sealed({**content, "picture": digest})) + "\n")
    print(f"{folder}: {len(points)} people")


if __name__ == "__main__":
    main()
