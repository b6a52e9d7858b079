"""Times the face pipeline on one 640 x 480 photo: detection, mesh, alignment and all of it.

    python benchmarks/faces.py [--repeats 40]

``crop`` and ``read`` are what the packaged detector does to every face of every frame. Parts that end in
``operators`` are the same networks without compiled loops.

Runs on one thread. Each part is timed in turn within every round, so that other work on the machine meets all
of them alike; the figures are medians in milliseconds. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image

from metafacs.faces.alignment import align
from metafacs.faces.blazeface import BlazeFace
from metafacs.faces.detection import FaceDetector
from metafacs.faces.graph_network import GraphNetwork, load_asset
from metafacs.faces.mesh import FaceMesh, region_of_mesh
from metafacs.faces.tensors import to_tensor
from metafacs.inference.detector import Detector
from metafacs.inference.loading import load_detector
from metafacs.methods.mesh_reader import MeshReader
from metafacs.processes import keep_freed_memory


def photo() -> NDArray[np.uint8]:
    """Return Grace Hopper (US Navy, public domain) on a 640 x 480 canvas."""
    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        portrait = picture.convert("RGB").resize((410, 480))
    canvas = Image.new("RGB", (640, 480), (96, 104, 112))
    canvas.paste(portrait, (115, 0))
    return np.array(canvas)


def plain(name: str) -> GraphNetwork:
    """Return a network that runs with PyTorch's operators alone."""
    network = load_asset(name)
    network.compiles = False
    return network


def leave_to_operators(detector: Detector) -> None:
    """Let PyTorch's operators run the packaged detector's mesh."""
    reader = getattr(detector.predictor, "__self__", None)
    if not isinstance(reader, MeshReader):
        raise TypeError(f"the packaged detector reads no mesh: {detector.predictor}")
    for network in reader.mesh.modules():
        if isinstance(network, GraphNetwork):
            network.compiles = False


def main() -> None:
    """Run the rounds and print a table and one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=40, help="rounds, after three to warm up")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    keep_freed_memory()
    image, empty, cpu = photo(), np.full((480, 640, 3), 96, np.uint8), torch.device("cpu")
    full, back = (BlazeFace(load_asset(name), cpu) for name in ("blaze_full", "blaze_back"))
    mesh, detector = FaceMesh(load_asset("facemesh"), cpu), FaceDetector()
    plain_full, plain_mesh = BlazeFace(plain("blaze_full"), cpu), FaceMesh(plain("facemesh"), cpu)
    reader, plain_reader = load_detector(), load_detector()
    leave_to_operators(plain_reader)
    (face,) = detector.find(image)
    assert face.mesh is not None
    region = region_of_mesh(face.mesh)

    crop = reader.crops(image, [face])

    def everything() -> object:
        (found,) = detector.find(image)
        return to_tensor(align(image, found.landmarks, 224)[0][None])

    parts: dict[str, Callable[[], object]] = {
        "blaze_full": lambda: full(image),
        "blaze_back": lambda: back(image),
        "mesh_1_face": lambda: mesh(image, [region]),
        "mesh_4_faces": lambda: mesh(image, [region] * 4),
        "align_224": lambda: align(image, face.landmarks, 224),
        "crop": lambda: reader.crops(image, [face]),
        "read_1_face": lambda: reader.read(crop),
        "read_8_faces": lambda: reader.read(np.repeat(crop, 8, 0)),
        "photo_to_input": everything,
        "photo_without_face": lambda: detector.find(empty),
        "blaze_full_operators": lambda: plain_full(image),
        "mesh_1_face_operators": lambda: plain_mesh(image, [region]),
        "read_1_face_operators": lambda: plain_reader.read(crop),
    }
    clock: dict[str, list[float]] = {name: [] for name in parts}
    processor: dict[str, list[float]] = {name: [] for name in parts}
    for round_number in range(repeats + 3):
        for name, part in parts.items():
            start, used = time.perf_counter(), time.thread_time()
            part()
            if round_number >= 3:
                clock[name].append(1000 * (time.perf_counter() - start))
                processor[name].append(1000 * (time.thread_time() - used))
    figures: dict[str, float] = {}
    for name in parts:
        wall, used = statistics.median(clock[name]), statistics.median(processor[name])
        figures[f"{name}_ms"], figures[f"{name}_processor_ms"] = round(wall, 2), round(used, 2)
        print(f"{name:20s} {wall:8.2f} ms   processor {used:8.2f} ms")
    machine = {"threads": 1, "torch": torch.__version__, "machine": platform.machine()}
    print(json.dumps({"benchmark": "faces", "picture": "640x480", **figures, **machine}))


if __name__ == "__main__":
    main()
