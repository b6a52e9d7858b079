"""Compares the attention mesh with the base mesh: time, places of points, and what distances tell.

    python benchmarks/attention_mesh.py [--people 60] [--photos FOLDER] [--repeats 40]

Three tables:

1. Milliseconds of processor time per face on one thread, medians, both networks in turn within every round;
   ``operators`` are the same networks with PyTorch's operators in place of compiled loops.
2. Rendered faces, whose 68 landmarks are exact (*synthetic*): the distance between a network's points and the
   exact ones in percent of the distance between the outer eye corners, first as it is, then after the mean
   offset of each point was taken out, because the two numberings do not mean quite the same places. Then the
   correlation of five distances with the exact ones.
3. Real photos, with ``--photos``: how far the points of a mirrored picture lie from the mirrored points.
   Where the folder holds ``neutral`` and ``smiling``, also how well a single distance tells the two apart
   (area under the ROC curve).

``base`` is the base mesh, ``trunk`` the attention mesh's own 468 points, ``refined`` the same with the points
of its branches in place. All look at the same crop, a square around the face as tracking cuts it. The last
line is JSON. About three minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from metafacs.faces.attention_mesh import load_attention_mesh
from metafacs.faces.graph_network import GraphNetwork, load_asset
from metafacs.faces.landmarks import landmarks_68, mirror_landmarks
from metafacs.faces.measures import OUTER_EYE_CORNERS, measure_faces
from metafacs.faces.mesh import region_of_mesh
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.faces.warping import move_points, similarity, warp
from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import RENDERED_AUS
from metafacs.synthesis.camera import LAB, photograph
from metafacs.synthesis.expressions import sample_action_units, sample_expression
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import lab_scene, sample_studio

Points = NDArray[np.float64]
Picture = NDArray[np.uint8]

SIZE = 192
GROUPS = {
    "brows": slice(17, 27),
    "lids": slice(36, 48),
    "outer lip": slice(48, 60),
    "inner lip": slice(60, 68),
}
MEASURES = ("mouth width", "lip gap", "eye opening", "brow height", "brow distance")


class Networks:
    """Both networks, giving the 68 points of a crop."""

    def __init__(self) -> None:
        self.base = load_asset("facemesh")
        self.attention = load_attention_mesh()

    def landmarks(self, crop: Picture) -> dict[str, Points]:
        """Return the points of a ``192 x 192`` crop, by the name of their source; (x, y) in its pixels."""
        images = torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            base = self.base(images)[0].reshape(1, 468, 3)
            faces = self.attention(images)
            meshes = {"base": base, "trunk": faces.mesh, "refined": faces.refined()[:, :468]}
        return {name: landmarks_68(mesh[0].double().numpy() - 0.5) for name, mesh in meshes.items()}


def scale(landmarks: Points) -> Points:
    """Return the distance between the outer eye corners of ``face x 68 x 2`` points, ``face x 1 x 1``."""
    left, right = (landmarks[:, corner] for corner in OUTER_EYE_CORNERS)
    return np.linalg.norm(right - left, axis=1)[:, None, None]


def cut_face(image: Picture) -> tuple[Picture, Points] | None:
    """Return the crop of the largest face and the matrix from the picture to it, or None without a face."""
    faces = find_faces(image)
    if not faces or faces[0].mesh is None:
        return None
    region = region_of_mesh(faces[0].mesh)
    matrix = similarity(region.centre, region.side, region.angle, SIZE)
    return warp(image, matrix, SIZE, border=0), matrix


def render_faces(people: int) -> Iterator[tuple[Picture, Points]]:
    """Yield rendered pictures of 224 px with their exact landmarks, five of each person."""
    for number in range(people):
        subject = Subject(sample_identity(number, pool="attention-mesh"))
        for frame in range(5):
            rng = np.random.default_rng([number, frame])
            if frame == 0:
                display = sample_expression(rng, "neutral", 0.0)
            elif frame < 3:
                display = sample_action_units(
                    rng, dict.fromkeys(RENDERED_AUS, 0.12), gaze_deviation=(0.2, 0.12)
                )
            else:
                name = EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))]
                display = sample_expression(rng, name, float(rng.uniform(0.4, 1)))
            pose = tuple(float(rng.normal(0, deviation)) for deviation in (0.15, 0.1, 0.06))
            scene = lab_scene(rng, 224, sample_studio(rng), (pose[0], pose[1], pose[2]))
            rendering = photograph(subject, display, scene, LAB, rng)
            yield rendering.image, rendering.landmarks.astype(np.float64)


def compare_with_exact(networks: Networks, people: int) -> dict[str, dict[str, dict[str, float]]]:
    """Print the second table and return its figures."""
    found: dict[str, list[Points]] = {}
    exact: list[Points] = []
    pictures = 0
    for image, landmarks in render_faces(people):
        pictures += 1
        cut = cut_face(image)
        if cut is None:
            continue
        exact.append(move_points(cut[1], landmarks))
        for name, points in networks.landmarks(cut[0]).items():
            found.setdefault(name, []).append(points)
    print(f"\n{len(exact)} of {pictures} rendered pictures of {people} people (synthetic)")
    places = np.stack(exact)
    truth = measure_faces(places)
    result: dict[str, dict[str, dict[str, float]]] = {"error": {}, "spread": {}, "correlation": {}}
    for name, faces in found.items():
        points = np.stack(faces)
        offsets = 100 * (points - places) / scale(places)
        varying = offsets - offsets.mean(0)
        for key, errors in (("error", offsets), ("spread", varying)):
            lengths = np.linalg.norm(errors, axis=2)
            result[key][name] = {group: float(lengths[:, rows].mean()) for group, rows in GROUPS.items()}
        measured = measure_faces(points)
        result["correlation"][name] = {
            key: float(np.corrcoef(measured[key], truth[key])[0, 1]) for key in MEASURES
        }
    show("error in % of the eye corners' distance (synthetic)", result["error"])
    show("the same without the mean offset of each point (synthetic)", result["spread"])
    show("correlation with the exact distance (synthetic)", result["correlation"])
    return result


def compare_on_photos(networks: Networks, folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Print the third table and return its figures."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    kinds: list[str] = []
    found: dict[str, list[Points]] = {}
    turned: dict[str, list[Points]] = {}
    for path in paths:
        cut = cut_face(read_picture(path))
        if cut is None:
            continue
        kinds.append(path.parent.name)
        for name, points in networks.landmarks(cut[0]).items():
            found.setdefault(name, []).append(points)
        for name, points in networks.landmarks(cut[0][:, ::-1]).items():
            turned.setdefault(name, []).append(mirror_landmarks(points, SIZE))
    print(f"\n{len(kinds)} of {len(paths)} photos")
    result: dict[str, dict[str, dict[str, float]]] = {"mirrored": {}}
    for name, faces in found.items():
        straight = np.stack(faces)
        lengths = 100 * np.linalg.norm((np.stack(turned[name]) - straight) / scale(straight), axis=2)
        result["mirrored"][name] = {group: float(lengths[:, rows].mean()) for group, rows in GROUPS.items()}
    show(
        "points of the mirrored photo off the mirrored points, % of the eye corners' distance",
        result["mirrored"],
    )
    if {"neutral", "smiling"} <= set(kinds):
        smiling = [kind == "smiling" for kind in kinds]
        distances = {name: measure_faces(np.stack(faces)) for name, faces in found.items()}
        result["smiles"] = {
            name: {key: float(roc_auc_score(smiling, measured[key])) for key in MEASURES}
            for name, measured in distances.items()
        }
        show("smiling against neutral by one distance, area under the ROC curve", result["smiles"])
    return result


def time_networks(networks: Networks, repeats: int) -> dict[str, dict[str, float]]:
    """Print the first table and return milliseconds per face."""
    attention = [part for part in networks.attention.parts.values() if isinstance(part, GraphNetwork)]
    parts = {"base": [networks.base], "attention": attention}
    runs = [(name, operators) for operators in (False, True) for name in parts]
    result: dict[str, dict[str, float]] = {_title(*run): {} for run in runs}
    for batch in (1, 8):
        images = torch.rand(batch, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
        times: dict[str, list[float]] = {_title(*run): [] for run in runs}
        with torch.inference_mode():
            for turn in range(repeats + 3):
                for name, operators in runs:
                    for part in parts[name]:
                        part.compiles = not operators
                    start = time.thread_time()
                    (networks.base if name == "base" else networks.attention)(images)
                    if turn >= 3:
                        times[_title(name, operators)].append(1000 * (time.thread_time() - start) / batch)
        for name, values in times.items():
            result[name][f"batch of {batch}"] = statistics.median(values)
    for part in [networks.base, *attention]:
        part.compiles = True
    show("ms per face, one thread", result)
    return result


def _title(name: str, operators: bool) -> str:
    return f"{name}, operators" if operators else name


def show(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Print one table."""
    columns = list(next(iter(rows.values()), {}))
    print(f"\n{title}\n{'':22}" + "".join(f"{column:>15}" for column in columns))
    for name, row in rows.items():
        print(f"{name:22}" + "".join(f"{row[column]:15.3f}" for column in columns))


def main() -> None:
    """Run what was asked for and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=60, help="rendered people, five pictures each")
    parser.add_argument("--photos", type=Path, help="a folder of photos, one face in each")
    parser.add_argument("--repeats", type=int, default=40, help="rounds of timing, after three to warm up")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    networks = Networks()
    result: dict[str, object] = {"ms_per_face": time_networks(networks, arguments.repeats)}
    if arguments.people:
        result["synthetic"] = compare_with_exact(networks, arguments.people)
    if arguments.photos:
        result["photos"] = compare_on_photos(networks, arguments.photos)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
