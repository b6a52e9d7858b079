"""How much faster ONNX Runtime and OpenVINO are than PyTorch, over a video and over pictures, end to end.

A photograph (NASA, public domain; it comes with scikit-image) is moved about as a video of 640 x 360 pixels,
and single pictures are cut out of it. They are analysed and written as ``metafacs predict`` does, by each
backend in turn, several times, in one process with one thread; medians of the processor's time per frame are
given, all threads together, which other programs on the machine disturb little, with their parts. Loading is
told apart. All backends must find the same faces. How far their probabilities lie apart is told twice: of the
same crops (within 1e-4, or the benchmark fails), and from the picture on, where landmarks that differ by
hundredths of a pixel change grey values in the crop. PyTorch's own operators, without metafacs' compiled
loops, take part as a way of their own: what the loops have won already, and how far arithmetic alone leads.

The packaged detector is measured, and a ResNet-18 on 112 px whose weights are random: time is all that
counts. ``--models`` names one of them, or other model files.

Example:
    python benchmarks/backends.py
    python benchmarks/backends.py --models runs/mine/model.safetensors --cases video
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image

from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description
from metafacs.data.videos import Video, encode_video
from metafacs.faces.graph_network import GraphNetwork
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tracking import FaceTracker
from metafacs.inference.detector import Detector
from metafacs.inference.engine import analyse_frames
from metafacs.inference.journal import Journal, read_journal
from metafacs.inference.loading import load_detector
from metafacs.inference.result import FaceResult
from metafacs.inference.writers import open_writer
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import Backbone
from metafacs.models.backends import BACKENDS, TORCH, backend_version
from metafacs.processes import keep_freed_memory, use_one_thread
from predict import Stopwatch

PARTS = ("decode", "detect", "landmark", "follow", "align", "network", "write", "other")
RATE, SIZE = 25, (640, 360)
CLOSE = 1e-4
PACKAGED, RESNET = "packaged", "ResNet-18"
OPERATORS = "operators"
"""PyTorch without the compiled loops."""

Analysis = Callable[[Detector], list[FaceResult]]
Way = Callable[[], list[FaceResult]]


def moving(photo: np.ndarray, frames: int) -> Iterator[np.ndarray]:
    """Yield windows of a photograph, 640 x 360 pixels, on a path that ends where it begins."""
    large = Image.fromarray(photo).resize((720, 720), Image.Resampling.BILINEAR)
    for number in range(frames):
        angle = 2 * np.pi * number / frames
        left, top = round(40 + 38 * np.cos(angle)), round(20 + 18 * np.sin(angle))
        yield np.asarray(large.crop((left, top, left + SIZE[0], top + SIZE[1])))


def photograph() -> np.ndarray:
    from skimage.data import astronaut

    picture: np.ndarray = astronaut()
    return picture


def random_resnet(path: Path) -> Path:
    """Write a ResNet-18 on 112 px that knows nothing."""
    torch.manual_seed(0)
    backbone = Backbone("resnet18", weights="none")
    method = SingleTask((1, 2, 4, 6, 12), backbone=backbone)
    known = {"input_size": 112, "alignment": {"box_enlarge": 2.9, "border": 128}, "synthetic": True}
    options: dict[str, object] = {"backbone": {"name": "resnet18", "weights": "none"}}
    checkpoint = Checkpoint(
        "single_task", options, method.aus, (), method.state_dict(), Description.from_json(known)
    )
    save_checkpoint(path, checkpoint)
    return path


def over_video(video: Path, folder: Path, watch: Stopwatch) -> Analysis:
    """Return what analyses a video into its table."""

    def analyse(detector: Detector) -> list[FaceResult]:
        source: Any = Video(video)
        found: list[FaceResult] = []
        frames = source.frames
        source.frames = lambda *given: _timed(frames(*given), watch)
        tracker = FaceTracker(detector.device, detector.backend)
        with Journal.start(folder / "journal", {}) as journal:
            for results in analyse_frames(detector, source, tracker=tracker):
                journal.append(results)
            journal.finish()
        with open_writer(folder / "video.csv", "openface", detector) as writer:
            for results in read_journal(folder / "journal")[1]:
                found += results.faces
                watch.timed("write", _write_all)(writer, results.faces)
        return found

    return analyse


def _timed(frames: Iterator[Any], watch: Stopwatch) -> Iterator[Any]:
    step = watch.timed("decode", next)
    while (frame := step(frames, None)) is not None:
        yield frame


def over_pictures(pictures: list[Path], folder: Path, watch: Stopwatch) -> Analysis:
    """Return what analyses pictures into their table, each as if it were alone."""

    def analyse(detector: Detector) -> list[FaceResult]:
        found: list[FaceResult] = []
        with open_writer(folder / "pictures.csv", "openface", detector) as writer:
            for number, path in enumerate(pictures):
                image = watch.timed("decode", read_picture)(path)
                results = detector.analyse_picture(image, path.name, number)
                found += results
                watch.timed("write", _write_all)(writer, results)
        return found

    return analyse


def _write_all(writer: Any, results: list[FaceResult]) -> None:
    for result in results:
        writer.write(result)


def apart(expected: list[FaceResult], told: list[FaceResult]) -> float:
    """Return how far the probabilities of the same faces lie apart at most; infinity for other faces."""
    places = [[(one.frame, one.face_id, one.success) for one in rows] for rows in (expected, told)]
    if places[0] != places[1]:
        return float("inf")
    return max(
        (
            abs(value - other.probabilities[au])
            for one, other in zip(expected, told, strict=True)
            for au, value in one.probabilities.items()
        ),
        default=0.0,
    )


def apart_on_crops(detectors: dict[str, Detector], image: np.ndarray) -> dict[str, float]:
    """Return how far the probabilities of the same crop, in five lights, lie from PyTorch's at most."""
    own = detectors[TORCH]
    crop = own.crops(image, find_faces(image)[:1])[0]
    crops = np.stack([(crop * light).astype(np.uint8) for light in (1.0, 0.9, 0.8, 0.7, 0.6)])
    expected = own.probabilities_of(crops)
    return {
        backend: float(np.abs(one.probabilities_of(crops) - expected).max())
        for backend, one in detectors.items()
    }


def ways_of(detectors: dict[str, Detector], analyse: Analysis) -> dict[str, Way]:
    """Return what analyses with each backend, and with PyTorch's own operators."""
    network: Any = GraphNetwork

    def with_operators() -> list[FaceResult]:
        compiles = network._can_be_compiled
        network._can_be_compiled = lambda network, images: False
        try:
            return analyse(detectors[TORCH])
        finally:
            network._can_be_compiled = compiles

    ways: dict[str, Way] = {backend: partial(analyse, detector) for backend, detector in detectors.items()}
    return {**ways, OPERATORS: with_operators}


def measure(ways: dict[str, Way], watch: Stopwatch, count: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Return milliseconds per frame of each way, and how far its answers lie from PyTorch's."""
    times: dict[str, list[float]] = defaultdict(list)
    parts: dict[str, list[dict[str, float]]] = defaultdict(list)
    results = {name: analyse() for name, analyse in ways.items()}  # not counted
    for number in range(rounds):
        # Another one begins each time: what the machine does meanwhile meets all of them.
        order = list(ways)[number % len(ways) :] + list(ways)[: number % len(ways)]
        for name in order:
            watch.seconds.clear()
            before = time.process_time()
            ways[name]()
            taken = time.process_time() - before
            watch.seconds["other"] = taken - sum(watch.seconds.values())
            times[name].append(1000 * taken / count)
            parts[name].append({part: 1000 * watch.seconds[part] / count for part in PARTS})

    def ratio(name: str, reference: str) -> float:
        pairs = zip(times[reference], times[name], strict=True)
        return round(median(other / taken for other, taken in pairs), 2)

    return {
        name: {
            "milliseconds": round(median(times[name]), 2),
            "times_torch": ratio(name, TORCH),
            "times_operators": ratio(name, OPERATORS),
            "parts": {part: round(median(row[part] for row in parts[name]), 2) for part in PARTS},
            "apart": apart(results[TORCH], results[name]),
        }
        for name in ways
    }


def load(model: Path | None) -> tuple[dict[str, Detector], dict[str, float]]:
    """Return a model's detector on every backend that is here, and the processor's seconds to load it."""
    detectors, seconds = {}, {}
    for backend in BACKENDS:
        before = time.process_time()
        try:
            detectors[backend] = load_detector(model, backend=backend)
        except ValueError as error:
            print(error, file=sys.stderr)
            continue
        seconds[backend] = round(time.process_time() - before, 2)
    return detectors, seconds


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=[PACKAGED, RESNET], help="these two, or model files")
    parser.add_argument("--cases", nargs="+", default=["video", "pictures"], choices=["video", "pictures"])
    parser.add_argument("--frames", type=int, default=50, help="of the video")
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    use_one_thread()
    keep_freed_memory()
    watch = Stopwatch()
    found: dict[str, dict[str, Any]] = {}
    print(
        f"{'':34}{'ms':>8}{'x torch':>9}{'x oper.':>9}{'apart':>9}" + "".join(f"{part:>9}" for part in PARTS)
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = list(moving(photograph(), options.frames))
        encode_video(folder / "video.mp4", images, RATE)
        pictures = []
        for number in range(options.pictures):
            pictures.append(folder / f"{number}.jpg")
            Image.fromarray(images[number * len(images) // options.pictures]).save(pictures[-1], quality=92)
        watched = False
        for name in options.models:
            model: Path | None
            if name == RESNET:
                model = random_resnet(folder / "resnet.safetensors")
            else:
                model = None if name == PACKAGED else Path(name)
            detectors, seconds = load(model)
            found[name] = {"seconds_to_load": seconds, "apart_on_crops": apart_on_crops(detectors, images[0])}
            print(f"{name}: seconds to load {seconds}, apart on crops {found[name]['apart_on_crops']}")
            if any(not distance <= CLOSE for distance in found[name]["apart_on_crops"].values()):
                sys.exit(f"{name}: the backends do not agree on the same crops")
            if not watched:
                watch.watch(next(iter(detectors.values())))
                watched = True
            cases = {
                "video": (over_video(folder / "video.mp4", folder, watch), options.frames),
                "pictures": (over_pictures(pictures, folder, watch), options.pictures),
            }
            for case in options.cases:
                analyse, count = cases[case]
                rows = measure(ways_of(detectors, analyse), watch, count, options.rounds)
                found[name][case] = rows
                for way, row in rows.items():
                    print(
                        f"{f'{name[-12:]}, {case}, {way}':34}{row['milliseconds']:8.2f}"
                        f"{row['times_torch']:9.2f}{row['times_operators']:9.2f}{row['apart']:9.1g}"
                        + "".join(f"{row['parts'][part]:9.2f}" for part in PARTS),
                        flush=True,
                    )
                if any(row["apart"] == float("inf") for row in rows.values()):
                    sys.exit(f"{name}, {case}: the backends find other faces")
    versions = [backend_version(backend) for backend in detectors]
    print(json.dumps({"benchmark": "backends", "versions": versions, "results": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
