"""The head: one mesh, its surface parts, and linear shape targets for build, features and face units.

The data come from MakeHuman (CC0); `scripts/build_face_asset.py` made the file. One unit is a decimetre;
+x is the subject's left, +y up, +z forward.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, LASHES, HAIR_STRIPS, MOUTH_CAVITY, EYE_SOCKET = range(9)
"""Codes of :attr:`FaceModel.surface`."""

TARGET_UNIT = 0.001
"""Shape targets are stored as whole multiples of this length, exactly as MakeHuman publishes them."""


@dataclass(frozen=True)
class FaceModel:
    """The head mesh and its shape targets.

    Attributes:
        vertices: Shape (vertex, 3), the unisex, ageless base mesh.
        triangles: Shape (triangle, 3), vertex numbers, counter-clockwise seen from outside.
        surface: Shape (triangle,), one of the surface codes of this module.
        uv: Shape (vertex, 2), MakeHuman's texture coordinates.
        units: Face unit name (ARKit's 52) -> displacement (vertex, 3).
        ancestry: ``african-female-old`` ... -> displacement.
        build: ``female-old-maxmuscle-minweight`` ... -> displacement.
        shapes: Local feature name -> displacement.
        ambient_closed: Shape (vertex,), share of the sky seen with the mouth closed, 0..1.
        ambient_open: The same with the mouth open.
        lip_mask: Shape (512, 512), 0..1, in the texture space of `texture_space`.
        landmarks: Shape (68,), vertex numbers of the iBUG points at rest.
    """

    vertices: Floats
    triangles: Ints
    surface: NDArray[np.int32]
    uv: Floats
    units: dict[str, Floats]
    ancestry: dict[str, Floats]
    build: dict[str, Floats]
    shapes: dict[str, Floats]
    ambient_closed: Floats
    ambient_open: Floats
    lip_mask: Floats
    landmarks: Ints

    @cached_property
    def neutral(self) -> Floats:
        """Vertices of the average young adult, shape (vertex, 3): the frame of every procedural map."""
        return self.macro_shape((1 / 3, 1 / 3, 1 / 3))

    @cached_property
    def skin_vertices(self) -> NDArray[np.bool_]:
        """Shape (vertex,): whether the vertex is on the body surface: skin, mouth cavity or eye socket."""
        return self._touches(SKIN, MOUTH_CAVITY, EYE_SOCKET)

    @cached_property
    def face_vertices(self) -> Ints:
        """Vertices of the front of the face, without ears, neck and scalp: what framing is measured on."""
        x, y, z = self.neutral.T
        front = self._touches(SKIN) & (z > 0.55) & (y > 6.28) & (y < 7.75) & (np.abs(x) < 0.8)
        return np.flatnonzero(front & ~self.ear_vertices).astype(np.int32)

    @cached_property
    def eye_vertices(self) -> tuple[Ints, Ints]:
        """Vertices of the left and the right eyeball."""
        left, right = (np.unique(self.triangles[self.surface == code]) for code in (LEFT_EYE, RIGHT_EYE))
        return left.astype(np.int32), right.astype(np.int32)

    @cached_property
    def eye_centres(self) -> Floats:
        """Shape (2, 3): centres of the left and the right eyeball of the neutral head."""
        return np.stack([self.neutral[eye].mean(0) for eye in self.eye_vertices])

    @cached_property
    def ear_vertices(self) -> NDArray[np.bool_]:
        """Shape (vertex,): whether the vertex belongs to an ear (islands of MakeHuman's texture layout)."""
        u, v = self.uv.T
        return (u > 0.80) & (u < 0.895) & ((np.abs(v - 0.623) < 0.035) | (np.abs(v - 0.342) < 0.035))

    def triangles_of(self, *codes: int) -> Ints:
        """Return the numbers of the triangles whose surface code is one of ``codes``."""
        return np.flatnonzero(np.isin(self.surface, codes)).astype(np.int32)

    def connected_parts(self, code: int) -> NDArray[np.int64]:
        """Return a label per vertex, shape (vertex,), equal where triangles of one surface code connect."""
        corners = self.triangles[self.triangles_of(code)]
        part = np.arange(len(self.vertices))
        while True:
            joined = part.copy()
            np.minimum.at(joined, corners.ravel(), np.repeat(part[corners].min(1), 3))
            if (joined == part).all():
                return part
            part = joined

    def macro_shape(
        self,
        ancestry: Sequence[float],
        masculinity: float = 0.5,
        age: float = 0.0,
        muscle: float = 0.5,
        weight: float = 0.5,
    ) -> Floats:
        """Return the mesh of a person of the given build.

        Args:
            ancestry: Shares of the African, Asian and European targets, summing to 1.
            masculinity: 0 female ... 1 male.
            age: -1 child, 0 young adult (25), 1 old.
            muscle: 0..1.
            weight: 0..1.

        Returns:
            Vertices, shape (vertex, 3).
        """
        sexes = {"female": 1 - masculinity, "male": masculinity}
        ages = {"child": max(-age, 0.0), "young": 1 - abs(age), "old": max(age, 0.0)}
        muscles = _tent(muscle, ("minmuscle", "averagemuscle", "maxmuscle"))
        weights = _tent(weight, ("minweight", "averageweight", "maxweight"))
        total = self.vertices.copy()
        for sex, of_sex in sexes.items():
            for years, of_age in ages.items():
                for name, share in zip(("african", "asian", "caucasian"), ancestry, strict=True):
                    _add(total, self.ancestry, f"{name}-{sex}-{years}", of_sex * of_age * share)
                for muscularity, of_muscle in muscles.items():
                    for heaviness, of_weight in weights.items():
                        name = f"{sex}-{years}-{muscularity}-{heaviness}"
                        _add(total, self.build, name, of_sex * of_age * of_muscle * of_weight)
        return total

    def _touches(self, *codes: int) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.vertices), bool)
        mask[self.triangles[np.isin(self.surface, codes)]] = True
        return mask


@cache
def load_face_model() -> FaceModel:
    """Return the face model shipped with the package, read once per process."""
    return assemble_face_model(_arrays("face.npz"), _arrays("face_maps.npz"))


def _arrays(name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of the package; the archive's own checksums tell whether it is whole."""
    path = files("metafacs.synthesis") / "assets" / name
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return dict(archive)
    except (BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); reinstall metafacs") from error


def assemble_face_model(mesh: Mapping[str, NDArray[Any]], maps: Mapping[str, NDArray[Any]]) -> FaceModel:
    """Return a face model from the arrays of its two files.

    Args:
        mesh: Arrays of ``face.npz``: vertices, triangles, material, uv, shape targets and their names.
        maps: Arrays of ``face_maps.npz``: lip mask and ambient occlusion in 0..255, landmarks.
    """
    triangles = mesh["triangles"].astype(np.int32)
    targets = {
        kind: {
            str(name): target.astype(np.float32) * np.float32(TARGET_UNIT)
            for name, target in zip(mesh[f"{kind}_names"], mesh[kind], strict=True)
        }
        for kind in ("unit", "ancestry", "build", "shape")
    }
    lip, closed, opened = (
        maps[name].astype(np.float32) / np.float32(255) for name in ("lip", "ambient_closed", "ambient_open")
    )
    return FaceModel(
        vertices=mesh["vertices"],
        triangles=triangles,
        surface=_surface_codes(mesh["material"], triangles, mesh["uv"]),
        uv=mesh["uv"],
        units=targets["unit"],
        ancestry=targets["ancestry"],
        build=targets["build"],
        shapes=targets["shape"],
        ambient_closed=closed,
        ambient_open=opened,
        lip_mask=lip,
        landmarks=maps["landmarks"].astype(np.int32),
    )


def _surface_codes(material: NDArray[np.int8], triangles: Ints, uv: Floats) -> NDArray[np.int32]:
    """Split mouth cavity and eye sockets from the skin; both are islands of MakeHuman's texture layout."""
    surface = material.astype(np.int32)
    u, v = uv[triangles, 0], uv[triangles, 1]
    mouth = ((u > 0.755) & (u < 0.93) & (v < 0.14)).all(1)
    socket = ((u < 0.16) & (v > 0.53) & (v < 0.65)).all(1)
    surface[(material == SKIN) & mouth] = MOUTH_CAVITY
    surface[(material == SKIN) & socket] = EYE_SOCKET
    return surface


def _tent(position: float, names: tuple[str, str, str]) -> dict[str, float]:
    low, middle, high = max(1 - 2 * position, 0.0), 1 - abs(2 * position - 1), max(2 * position - 1, 0.0)
    return dict(zip(names, (low, middle, high), strict=True))


def _add(total: Floats, targets: dict[str, Floats], name: str, share: float) -> None:
    if share > 0:
        total += np.float32(share) * targets[name]
