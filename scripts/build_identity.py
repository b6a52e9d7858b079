"""Make faces/assets/identity.safetensors: the coordinates of faces that tell people apart.

    python scripts/build_identity.py identity.safetensors [--people 200]

Takes some minutes. Every person is rendered in several rooms, poses and displays. Linear discriminants
(Fisher 1936, Rao 1948) of the packaged backbone's features are those in which people differ most from each
other against what else changes; along them one person's pictures have deviation 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh

from metafacs.faces.identity import inner_crop
from metafacs.faces.mesh import Region
from metafacs.faces.pipeline import face_detector
from metafacs.faces.tensors import to_tensor
from metafacs.models.backbones import Backbone
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.camera import Camera, expose
from metafacs.synthesis.clips import DISPLAYS
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.rooms import Guest, Place, place_person, sample_room
from metafacs.tensor_files import save_tensors

PICTURES, WIDTH, HEIGHT = 6, 200, 160
POSE_DEVIATION = (0.35, 0.15, 0.1)
DIMENSIONS, SHRINKAGE = 24, 0.1
CAMERA = Camera(noise=(1.0, 2.5), brightness=0.4)

Floats = NDArray[np.float64]


def main() -> None:
    """Render, look, analyse and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--people", type=int, default=200, help="people to render")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    backbone = Backbone("small", "faces").build().eval().requires_grad_(False)
    rows, people = [], []
    for number in range(arguments.people):
        crops = crops_of(number)
        if len(crops) > 1:
            rows.append(backbone(to_tensor(np.stack(crops))).double().numpy())
            people.append(np.full(len(crops), number))
    features = np.concatenate(rows)
    projection = discriminants(features, np.concatenate(people))
    asset = {"mean": features.mean(0), "projection": projection}
    tensors = {name: torch.from_numpy(np.float32(value)) for name, value in asset.items()}
    save_tensors(arguments.out, tensors, {"format": "metafacs-identity-1"})
    print(f"{arguments.out}: {DIMENSIONS} coordinates, from {len(features)} pictures of {len(rows)} people")


def crops_of(number: int) -> list[NDArray[np.uint8]]:
    """Return one person's faces in different pictures."""
    rng = np.random.default_rng([number, 77])
    guest = Guest(sample_identity(number, pool="identity"), rng)
    crops = []
    for _ in range(PICTURES):
        room = sample_room(rng, (WIDTH, HEIGHT))
        picture = room.wall.copy()
        yaw, pitch, roll = (float(angle) for angle in rng.normal(0, POSE_DEVIATION))
        display = DISPLAYS[int(rng.integers(len(DISPLAYS)))]
        activation = Activation({au: most * float(rng.uniform(0, 1)) for au, most in display.items()})
        place = Place(WIDTH / 2, 0.45 * HEIGHT, float(rng.uniform(45, 85)))
        presence = place_person(picture, room, guest, activation, (yaw, pitch, roll), place)
        left, top, right, bottom = presence.box
        region = Region(((left + right) / 2, (top + bottom) / 2), 1.5 * max(right - left, bottom - top))
        image = expose(picture, CAMERA, rng)
        (face,) = face_detector().follow(image, [region])
        if face is not None:
            crops.append(inner_crop(image, face))
    return crops


def discriminants(features: Floats, people: NDArray[np.int64]) -> Floats:
    """Return the linear discriminants, ``feature x dimension``, that make the spread within people 1."""
    known, which = np.unique(people, return_inverse=True)
    centred = features - features.mean(0)
    means = np.stack([centred[which == k].mean(0) for k in range(len(known))])
    within = centred - means[which]
    spread = within.T @ within / len(within)
    size = len(spread)
    spread = (1 - SHRINKAGE) * spread + SHRINKAGE * np.trace(spread) / size * np.eye(size)
    _, vectors = eigh(means.T @ means / len(means), spread, subset_by_index=[size - DIMENSIONS, size - 1])
    return vectors[:, ::-1]


if __name__ == "__main__":
    main()
