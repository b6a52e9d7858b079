"""How fast shuffled batches of 64 crops of 112 px come out of a prepared store, decoding included.

    python benchmarks/store.py [--pictures 2048] [--rounds 5]

Beside it torchvision's ImageFolder on the same encoded pictures as files. Both end in a uint8 batch, on one
core; rounds of the two are interleaved and the figures are medians. The last line is JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.datasets import ImageFolder  # type: ignore[import-untyped]

from metafacs.data.shards import shard_schema, write_rows
from metafacs.data.store import FORMAT, STORE_FILE, Store
from metafacs.faces.alignment import AlignmentSpec
from metafacs.files import write_json
from metafacs.seals import sealed
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject, render
from metafacs.synthesis.scenes import lab_scene, sample_studio

SIZE, BATCH, QUALITY, SHARD = 112, 64, 95, 128
SCHEMA = shard_schema((1,), ())


def encoded_faces(count: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    faces = []
    for seed in range(count):
        picture = render(
            Subject(sample_identity(seed)), Activation({}), lab_scene(rng, SIZE, sample_studio(rng))
        )
        buffer = io.BytesIO()
        Image.fromarray(picture.image).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        faces.append(buffer.getvalue())
    return faces


def write_pictures(folder: Path, faces: list[bytes], count: int) -> tuple[Store, ImageFolder]:
    rows = [{"key": str(i), "image": faces[i % len(faces)], "action_units": [0.0]} for i in range(count)]
    shards = [
        asdict(write_rows(folder / "store" / f"shard-{start:05d}.arrow", rows[start : start + SHARD], SCHEMA))
        for start in range(0, count, SHARD)
    ]
    known = {"dataset": "faces", "labels_hash": "", "synthetic": True, "twin": None, "skipped": []}
    known |= {"aus": [1], "expressions": [], "size": SIZE, "alignment": asdict(AlignmentSpec())}
    content = {"format": FORMAT, **known, "pictures": count, "shards": shards}
    write_json(folder / "store" / STORE_FILE, sealed(content))
    (folder / "files" / "face").mkdir(parents=True)
    for row in rows:
        (folder / "files" / "face" / f"{row['key']}.jpg").write_bytes(row["image"])  # type: ignore[arg-type]
    return Store(folder / "store"), ImageFolder(str(folder / "files"))


def read_store(store: Store, rows: np.ndarray) -> None:
    for start in range(0, len(rows), BATCH):
        store.images(rows[start : start + BATCH])


def read_folder(folder: ImageFolder, rows: np.ndarray) -> None:
    for start in range(0, len(rows), BATCH):
        np.stack([np.asarray(folder[int(row)][0]) for row in rows[start : start + BATCH]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        store, folder = write_pictures(Path(name), encoded_faces(64), arguments.pictures)
        seconds: dict[str, list[float]] = {"store": [], "image_folder": []}
        for number in range(arguments.rounds + 1):
            rows = np.random.default_rng(number).permutation(arguments.pictures)
            for kind, read in (
                ("store", partial(read_store, store)),
                ("image_folder", partial(read_folder, folder)),
            ):
                began = time.process_time()
                read(rows)
                if number:  # the first round warms the page cache
                    seconds[kind].append(time.process_time() - began)
    rates = {kind: arguments.pictures / statistics.median(times) for kind, times in seconds.items()}
    for kind, rate in rates.items():
        print(f"{kind:14s} {rate:8.0f} pictures/s of {SIZE} px, one core, decoding included")
    figures = {f"{kind}_per_second": round(rate) for kind, rate in rates.items()}
    print(json.dumps({"benchmark": "store", "size": SIZE, "batch": BATCH, **figures}))


if __name__ == "__main__":
    main()
