"""How well two pictures are told to show one person: what the face tracker asks where place does not tell.

    python benchmarks/identity.py [--people 40] [--london FOLDER]

Rendered people (*synthetic*), six pictures each in three rooms, any pose and display; with --london also the
people of the Face Research Lab London Set, neutral against smiling. For each way of comparing two pictures:
the area under the ROC curve over all pairs, and for the tracker's log-odds the share of pairs on the wrong
side of 0. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.faces.face import Face
from metafacs.faces.identity import Appearance, describe, face_distance, inner_crop, log_odds
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tensors import to_tensor
from metafacs.metrics.ranking import area_under_roc
from metafacs.models.backbones import Backbone
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.camera import Camera, expose
from metafacs.synthesis.clips import DISPLAYS
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.rooms import Guest, Place, place_person, sample_room

Picture = NDArray[np.uint8]
Shown = tuple[int, Picture, Face]

PICTURES, ROOMS, SIZE = 6, 3, (320, 240)
POSE_DEVIATION = (0.3, 0.13, 0.09)
CAMERA = Camera(noise=(1.0, 2.5), brightness=0.4)


def rendered(people: int) -> list[Shown]:
    """Return pictures of rendered people; four groups of three rooms."""
    rooms = [sample_room(np.random.default_rng([k, 3]), SIZE) for k in range(4 * ROOMS)]
    found = []
    for number in range(people):
        rng = np.random.default_rng([number, 5])
        guest = Guest(sample_identity(number, pool="identity-benchmark"), rng)
        for k in range(PICTURES):
            room = rooms[number % 4 * ROOMS + k % ROOMS]
            picture = room.wall.copy()
            yaw, pitch, roll = (float(angle) for angle in rng.normal(0, POSE_DEVIATION))
            display = DISPLAYS[int(rng.integers(len(DISPLAYS)))]
            activation = Activation({au: most * float(rng.uniform(0, 1)) for au, most in display.items()})
            x, y, extent = rng.uniform((100, 90, 45), (220, 110, 110))
            place_person(picture, room, guest, activation, (yaw, pitch, roll), Place(x, y, extent))
            image = expose(picture, CAMERA, rng)
            found += [(number, image, face) for face in find_faces(image)[:1]]
    return found


def london(folder: Path) -> list[Shown]:
    """Return the neutral and the smiling picture of everybody."""
    found = []
    for path in sorted(folder.glob("*/*.jpg")):
        image = read_picture(path)
        found += [(int(path.stem), image, face) for face in find_faces(image)[:1]]
    return found


def compare(shown: Sequence[Shown]) -> dict[str, object]:
    """Return how well each way tells pairs of one person from pairs of two."""
    backbone = Backbone("small", "faces").build().eval().requires_grad_(False)
    views = [describe(image, face) for _, image, face in shown]
    crops = np.stack([inner_crop(image, face) for _, image, face in shown])
    raw = torch.nn.functional.normalize(backbone(to_tensor(crops)), dim=1).double().numpy()
    unseen = [Appearance(view.face, np.full_like(view.colours, -128)) for view in views]
    ways: Mapping[str, Callable[[int, int], float]] = {
        "backbone features, cosine": lambda a, b: float(raw[a] @ raw[b]),
        "face": lambda a, b: -face_distance(views[a], views[b]),
        "hair and clothes": lambda a, b: log_odds(views[a], views[b]) - log_odds(unseen[a], unseen[b]),
        "log-odds": lambda a, b: log_odds(views[a], views[b]),
    }
    pairs = [(a, b) for a in range(len(shown)) for b in range(a)]
    same = np.array([shown[a][0] == shown[b][0] for a, b in pairs])
    results: dict[str, object] = {"pictures": len(shown), "people": len({who for who, _, _ in shown})}
    for name, way in ways.items():
        scores = np.array([way(a, b) for a, b in pairs])
        area = area_under_roc(torch.from_numpy(scores)[:, None], torch.from_numpy(same).double()[:, None])
        results[name] = round(float(area[0]), 4)
        if name == "log-odds":
            results["one person, below 0"] = round(float((scores[same] < 0).mean()), 4)
            results["two people, above 0"] = round(float((scores[~same] > 0).mean()), 4)
    return results


def main(arguments: list[str] | None = None) -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=40, help="rendered people")
    parser.add_argument("--london", type=Path, help="folder with neutral/ and smiling/")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sets = {"rendered": rendered(options.people)}
    if options.london is not None:
        sets["London set"] = london(options.london)
    results = {name: compare(shown) for name, shown in sets.items()}
    for name, figures in results.items():
        print(name, *(f"{way}: {value}" for way, value in figures.items()), sep="\n  ")
    print(json.dumps({"benchmark": "identity", "results": results}))


if __name__ == "__main__":
    main()
