"""Small copies of the layouts of the data sets, with labels by chance and empty pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import scipy.io
from PIL import Image

from metafacs.data.datasets.pretraining_faces import COLUMNS

_PICTURES = 24
_POINTS = 49


def write_bp4d(root: Path, source: Path) -> None:
    """Copy some of the twin, landmarks included."""
    shutil.copytree(source, root)
    pictures = sorted((root / "Sequences(2D+3D)").rglob("*.jpg"))
    _write(root / "Landmarks" / "BP4D_part1_path.txt", ("/".join(p.parts[-3:]) for p in pictures))
    _write(root / "Landmarks" / "BP4D_part1_land.txt", (_points(i) for i, _ in enumerate(pictures)))


def write_raf_db(root: Path, source: Path) -> None:
    """Copy the twin."""
    shutil.copytree(source.with_name("raf_db"), root)


def write_disfa(root: Path, source: Path) -> None:
    """Three people, four AUs, frames numbered from 0 by the pictures and from 1 by the labels."""
    chance = Random(1)
    for person in ("SN001", "SN002", "SN003"):
        for au in (1, 2, 4, 12):
            lines = [f"{i + 1},{chance.randrange(6)}" for i in range(_PICTURES)]
            _write(root / "ActionUnit_Labels" / person / f"{person}_au{au}.txt", lines)
        for i in range(_PICTURES):
            _picture(root / person / f"{i}.jpg")
    for i in range(_PICTURES):
        path = root / "Landmark_Points" / "SN001" / "tmp_frame_lm" / f"SN001_{i:04d}_lm.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        scipy.io.savemat(path, {"pts": np.arange(132.0).reshape(66, 2) + 5 + i}, do_compression=bool(i % 2))


def write_gft(root: Path, source: Path) -> None:
    """Three people in two groups."""
    chance = Random(2)
    for person in ("001A", "001B", "002A"):
        rows = [
            f"{i + 1},{chance.choice('01')},{chance.choice('01')},{chance.choice('019')}"
            for i in range(_PICTURES)
        ]
        _write(root / "labels" / f"{person}.csv", ["frame,AU1,AU2,AU12", *rows])
        for i in range(_PICTURES):
            _picture(root / "frames" / person / f"{i + 1}.jpg")
    _write(root / "train.txt", ["001A", "001B"])
    _write(root / "test.txt", ["002A"])


def write_raf_ml(root: Path, source: Path) -> None:
    """Shares of six expressions."""
    names = [f"{i:04d}" for i in range(1, _PICTURES + 1)]
    shares = ("0.5 0.25 0.25 0 0 0", "0 0.75 0.25 0 0 0", "0 0 0 0.5 0 0.5")
    _write(root / "EmoLabel" / "distribution.txt", (f"{n}.jpg {shares[i % 3]}" for i, n in enumerate(names)))
    for name in names:
        _picture(root / "Image" / "aligned" / f"{name}_aligned.jpg")


def write_raf_au(root: Path, source: Path) -> None:
    """Codes of AUs with sides and strengths."""
    names = [f"{i:04d}" for i in range(1, _PICTURES + 1)]
    codes = ("1+4+L12", "null", "R1+2+25", "6+12+25", "AD19+26")
    _write(root / "RAFAU_label.txt", (f"{n}.jpg {codes[i % 5]}" for i, n in enumerate(names)))
    for name in names:
        _picture(root / "aligned" / f"{name}_aligned.jpg")


def write_raf_ce(root: Path, source: Path) -> None:
    """Compound expressions, AUs and a partition in three lists."""
    names = [f"{i:04d}" for i in range(1, _PICTURES + 1)]
    codes = ("1+4+L12", "null", "R1+2+25", "6+12+25")
    _write(root / "RAFCE_emolabel.txt", (f"{n}.jpg {i % 14}" for i, n in enumerate(names)))
    _write(root / "RAFCE_AUlabel.txt", (f"{n}.jpg {codes[i % 4]}" for i, n in enumerate(names)))
    _write(root / "RAFCE_partition.txt", (f"{n}.jpg {i % 3}" for i, n in enumerate(names)))
    for name in names:
        _picture(root / "aligned" / f"{name}_aligned.jpg")


def write_raf_db_compound(root: Path, source: Path) -> None:
    """Eleven compound expressions."""
    names = [f"{'train' if i % 2 else 'test'}_{i:04d}" for i in range(1, _PICTURES + 1)]
    lines = (f"{name}.jpg {i % 11 + 1}" for i, name in enumerate(names))
    _write(root / "compound" / "EmoLabel" / "list_patition_label.txt", lines)
    for name in names:
        _picture(root / "compound" / "Image" / "aligned" / f"{name}_aligned.jpg")


def write_emotionet(root: Path, source: Path) -> None:
    """A table of AUs, lists of the parts and landmarks."""
    chance, half = Random(3), _PICTURES // 2
    names = [f"N_1_{i:05d}" for i in range(_PICTURES)]
    rows = [
        f"http://x/N_1/{name}.jpg,http://y/{i},{chance.choice('01')},{chance.choice('01')},"
        f"{chance.choice(('0', '1', '999'))}"
        for i, name in enumerate(names)
    ]
    _write(root / "e.csv", ["URL,URL orig,'AU 1','AU 2','AU 12'", *rows])
    for part, few in (("train", names[:half]), ("test", names[half:])):
        _write(root / f"{part}.txt", (f"set/N_1/{name}.jpg" for name in few))
        _write(root / f"{part}_land.txt", (_points(int(name[-5:])) for name in few))
    for name in names:
        _picture(root / "set" / "N_1" / f"{name}.jpg")


def write_list_files(root: Path, source: Path) -> None:
    """Lists of paths, codes and landmarks whose lines belong together."""
    chance = Random(4)
    paths = [f"F001/T1/{i:04d}.jpg" for i in range(_PICTURES)]
    codes = [f"{chance.choice('01')} {chance.choice('01')} {chance.choice('019')}" for _ in paths]
    _write(root / "BP4D_part1_path.txt", paths)
    _write(root / "BP4D_part1_AUoccur.txt", codes)
    _write(root / "BP4D_part1_land.txt", (_points(i) for i, _ in enumerate(paths)))
    for path in paths:
        _picture(root / path)


def write_pretraining_faces(root: Path, source: Path) -> None:
    """A table of poses and landmarks."""
    points = ",".join(str(k) for k in range(136))
    rows = [
        f"p{i}.jpg,{i // 3},{'train' if i < 16 else 'validation'},0.{i:02d},0.2,0.3,{points}"
        for i in range(_PICTURES)
    ]
    _write(root / "faces.csv", [",".join(COLUMNS), *rows])
    for i in range(_PICTURES):
        _picture(root / "pictures" / f"p{i}.jpg")


LAYOUTS: dict[str, Callable[[Path, Path], None]] = {
    "bp4d": write_bp4d,
    "raf_db": write_raf_db,
    "raf_db_compound": write_raf_db_compound,
    "raf_ml": write_raf_ml,
    "raf_au": write_raf_au,
    "raf_ce": write_raf_ce,
    "disfa": write_disfa,
    "gft": write_gft,
    "emotionet": write_emotionet,
    "list_files": write_list_files,
    "pretraining_faces": write_pretraining_faces,
}
"""Reader -> what writes its layout into a folder, given the small part of the twin of BP4D."""

OPTIONS: dict[str, tuple[dict[str, object], ...]] = {
    "list_files": ({"aus": (1, 2, 12)}, {"aus": (1, 2, 12), "landmarks": True}),
    "bp4d": ({}, {"landmarks": True}),
    "disfa": ({}, {"landmarks": True}),
    "emotionet": ({}, {"landmarks": True}),
}
"""Reader -> options that it is tried with; without entry none."""


def _write(path: Path, lines: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))  # type: ignore[attr-defined]


def _points(shift: int) -> str:
    return " ".join(str(20 + shift + k) for k in range(2 * _POINTS))


def _picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)
