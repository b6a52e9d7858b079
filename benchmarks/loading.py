"""How fast batches for MAL come out of prepared stores: today's loader beside an earlier version's.

    python benchmarks/loading.py [--rounds 5] [--batches 4] [--threads 2] [--pictures 512] [--noise 4]
    python benchmarks/loading.py --base FOLDER        # a checkout of the version to compare with

A batch is the paper's: 64 pictures with AU labels, 64 with expressions, 256 of the reserve; random windows
of 224 px from crops of 256 px, half of them mirrored. The stores are larger than what is kept decoded, as
BP4D's is, so every picture is decoded when it is drawn. The crops are rendered (synthetic) faces; ``--noise``
adds the grain of a camera (standard deviation in grey levels), without which their files are half as large.

Three ways take turns, each in a process of its own: ``base``, the earlier version, one thread; ``float``,
this version to batches as a network on the processor reads them; ``bytes``, to batches as they travel to a
GPU, which does the rest. What a round measures begins with a warm loader. Wall time tells what a run waits
for, if the machine does nothing else; processor time is the work. The last line is JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

Batches = Generator[object, None, None]
WAYS = ("base", "float", "bytes")
CROP, SIZE, QUALITY, FACES = 256, 224, 95, 64
COUNTS = {"au": 64, "expression": 64, "validation": 256}
PICTURES = sum(COUNTS.values())


def write_store(folder: Path, count: int, noise: float) -> None:
    """Write a store of rendered faces."""
    from dataclasses import asdict

    from metafacs.data.shards import shard_schema, write_rows
    from metafacs.data.store import FORMAT, STORE_FILE
    from metafacs.faces.alignment import AlignmentSpec
    from metafacs.files import write_json
    from metafacs.seals import sealed
    from metafacs.synthesis.activations import Activation
    from metafacs.synthesis.identities import sample_identity
    from metafacs.synthesis.renderer import Subject, render
    from metafacs.synthesis.scenes import lab_scene, sample_studio

    rng = np.random.default_rng(0)
    faces = []
    for seed in range(min(FACES, count)):
        subject = Subject(sample_identity(seed))
        picture = render(subject, Activation({}), lab_scene(rng, CROP, sample_studio(rng))).image
        grain = rng.normal(0, noise, picture.shape) if noise else 0
        file = io.BytesIO()
        grained = Image.fromarray((picture + grain).clip(0, 255).astype(np.uint8))
        grained.save(file, "JPEG", quality=QUALITY, subsampling=0)
        faces.append(file.getvalue())
    print(f"{len(faces)} faces of {np.mean([len(face) for face in faces]) / 1000:.0f} kB", flush=True)
    rows = [
        {"key": str(i), "image": faces[i % len(faces)], "action_units": [float(i % 2)], "expression": 0}
        for i in range(count)
    ]
    shard = asdict(write_rows(folder / "shard-00000.arrow", rows, shard_schema((1,), ("neutral",))))
    known = {"dataset": "faces", "labels_hash": "", "synthetic": True, "twin": None, "skipped": []}
    known |= {"aus": [1], "expressions": ["neutral"], "size": CROP, "alignment": asdict(AlignmentSpec())}
    write_json(folder / STORE_FILE, sealed({"format": FORMAT, **known, "pictures": count, "shards": [shard]}))


def open_streams(folder: Path) -> dict[str, Any]:
    """Return the three streams of MAL."""
    from metafacs.data import streams
    from metafacs.data.store import Store
    from metafacs.data.transforms import Augmentation

    streams.MEMORY_LIMIT = 0
    store = Store(folder)
    return {
        name: streams.Stream(
            store,
            np.arange(len(store)),
            aus=(1,),
            name=name,
            batch_size=count,
            size=SIZE,
            seed=0,
            augmentation=Augmentation(),
        )
        for name, count in COUNTS.items()
    }


def as_before(streams: dict[str, Any], first: int, count: int) -> Batches:
    """Yield batches as the trainer of version 0.4 did: one thread, one batch ahead."""

    def fetch(k: int) -> object:
        return {name: stream.batch(k) for name, stream in streams.items()}

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(fetch, first)
        for k in range(first, first + count):
            current = following.result()
            following = pool.submit(fetch, k + 1)
            yield current


def as_floats(streams: dict[str, Any], first: int, count: int, threads: int) -> Batches:
    """Yield batches as today's trainer gets them on a processor."""
    from metafacs.training.loading import load_batches

    with load_batches(streams, range(first, first + count), torch.device("cpu"), threads=threads) as batches:
        yield from batches


def as_bytes(streams: dict[str, Any], first: int, count: int, threads: int) -> Batches:
    """Yield batches as they are sent to a GPU."""

    def draw(k: int) -> object:
        return {name: stream.draw(k) for name, stream in streams.items()}

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(draw, range(first, first + count))


def measure(way: str, streams: dict[str, Any], threads: int, batches: int, number: int) -> dict[str, float]:
    """Return seconds per picture, of the clock and of the processor."""
    loaders: dict[str, Callable[..., Batches]] = {"float": as_floats, "bytes": as_bytes}
    more = {} if way == "base" else {"threads": threads}
    loader = as_before if way == "base" else loaders[way]
    with closing(loader(streams, 1000 * number, batches + 1, **more)) as loaded:
        next(loaded)
        began, worked = time.perf_counter(), time.process_time()
        for _ in range(batches):
            next(loaded)
        wall, processor = time.perf_counter() - began, time.process_time() - worked
    return {"wall": wall / batches / PICTURES, "processor": processor / batches / PICTURES}


class Measuring:
    """A process that measures one way of loading whenever it is asked, with the sources of a version."""

    def __init__(self, way: str, source: Path, words: list[str]) -> None:
        command = [sys.executable, __file__, "--way", way, *words]
        environment = {**os.environ, "PYTHONPATH": str(source)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=environment, text=True, **pipes)  # type: ignore[call-overload]

    def measured(self, number: int) -> dict[str, float]:
        """Return what a round measures."""
        print(number, file=self._process.stdin, flush=True)
        result: dict[str, float] = json.loads(self._process.stdout.readline())
        return result

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--base", type=Path, help="checkout of an earlier version; default: this version's parts"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--noise", type=float, default=4.0)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        streams = open_streams(arguments.store)
        for line in sys.stdin:
            found = measure(arguments.way, streams, arguments.threads, arguments.batches, int(line))
            print(json.dumps(found), flush=True)
        return
    here = Path(__file__).resolve().parents[1] / "src"
    sources = dict.fromkeys(WAYS, here)
    if arguments.base:
        sources["base"] = arguments.base.resolve() / "src"
    seconds: dict[str, dict[str, list[float]]] = {way: {"wall": [], "processor": []} for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        write_store(Path(name), arguments.pictures, arguments.noise)
        words = ["--store", name, "--threads", str(arguments.threads), "--batches", str(arguments.batches)]
        processes = {way: Measuring(way, sources[way], words) for way in WAYS}
        for number, way in product(range(arguments.rounds), WAYS):
            for kind, value in processes[way].measured(number).items():
                seconds[way][kind].append(value)
        for process in processes.values():
            process.close()
    figures: dict[str, float] = {}
    for kind in ("wall", "processor"):
        base = seconds["base"][kind]
        for way in WAYS:
            rate = 1 / statistics.median(seconds[way][kind])
            times = statistics.median(
                one / other for one, other in zip(base, seconds[way][kind], strict=True)
            )
            print(f"{kind:9s} {way:5s} {rate:7.0f} pictures/s, {times:.2f} times base")
            figures[f"{way}_{kind}_per_second"], figures[f"{way}_{kind}_times_base"] = (
                round(rate),
                round(times, 2),
            )
    print(
        json.dumps(
            {"benchmark": "loading", "threads": arguments.threads, "noise": arguments.noise, **figures}
        )
    )


if __name__ == "__main__":
    main()
