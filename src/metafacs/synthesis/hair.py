"""Hair: a shell lifted off the scalp, and strips that fall to the shoulders."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metafacs.compilation import compiled
from metafacs.synthesis.compilation import step
from metafacs.synthesis.face_model import HAIR_STRIPS, SKIN, load_face_model
from metafacs.synthesis.identities import Identity
from metafacs.synthesis.shading import Lighting, Mesh
from metafacs.synthesis.skin import HAIR_TONES
from metafacs.synthesis.texture_space import TEXTURE_SIZE, smoothstep, value_noise

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_LOWEST = {"bald": 9.0, "short": 6.80, "mid": 6.5, "long": 6.2}
_HUGGING_MARGIN = 0.13
"""Near its edge the shell lies on the skin; otherwise the background would show through below its rim."""

_THICKNESS = {"bald": 0.0, "short": 0.07, "mid": 0.12, "long": 0.13}


class Hair(NamedTuple):
    """One person's hair.

    Attributes:
        cut: Shape (4,): hairline, fringe, lowest height at the back, curl.
        scalp: Shape (vertex,), 1 where hair can grow, 0 on ears and off the skin.
        lift: Shape (vertex,), how far the shell stands off the scalp in face units.
        shell: Triangles of the shell.
        strips: Triangles of long hair; empty for other styles.
        colour: Shape (3,), linear RGB.
        strands: Shape (512, 512), noise that shows as strands.
    """

    cut: Floats
    scalp: Floats
    lift: Floats
    shell: Ints
    strips: Ints
    colour: Floats
    strands: Floats


def grow_hair(identity: Identity) -> Hair | None:
    """Return a person's hair, or None for a bald head."""
    if identity.hair_style == "bald":
        return None
    model = load_face_model()
    rng = identity.generator("hair")
    lowest = _LOWEST[identity.hair_style]
    cut = np.array([identity.hairline, identity.fringe, lowest, identity.curl], np.float32)
    x, y, _ = model.neutral.T
    above_ear = (y > 7.38) & (np.abs(x) < 0.70)  # the ear's root reaches up into the scalp
    grows = (model.skin_vertices & (above_ear | ~model.ear_vertices)).astype(np.float32)
    density = _vertex_density(model.neutral, cut, 0.0) * grows
    inner = _vertex_density(model.neutral, cut, _HUGGING_MARGIN) * grows
    thickness = _THICKNESS[identity.hair_style] * identity.hair_volume
    triangles = _scalp_triangles()
    straight = (
        0.45 * value_noise(rng, 60, 9) + 0.5 * value_noise(rng, 30, 2.3) + 0.3 * value_noise(rng, 90, 30)
    )
    curly = 0.7 * value_noise(rng, 5, 5) + 0.5 * value_noise(rng, 14, 12)
    strands = (1 - identity.curl) * straight + identity.curl * curly
    return Hair(
        cut=cut,
        scalp=grows,
        lift=(thickness * smoothstep(0.2, 1.0, inner)).astype(np.float32),
        shell=triangles[density[model.triangles[triangles]].max(1) > 0.02],
        strips=_strip_triangles() if identity.hair_style == "long" else np.empty(0, np.int32),
        colour=HAIR_TONES[identity.hair_tone],
        strands=strands.astype(np.float32),
    )


@cache
def _scalp_triangles() -> Ints:
    model = load_face_model()
    skin = model.triangles_of(SKIN)
    corners = model.triangles[skin]
    above_shoulders = model.neutral[corners][:, :, 1].min(1) > 6.0
    return skin[above_shoulders & ~model.ear_vertices[corners].all(1)]


@cache
def strip_widening() -> Floats:
    """Return the displacement (vertex, 3) that broadens each strip of long hair until neighbours overlap."""
    model = load_face_model()
    part = model.connected_parts(HAIR_STRIPS)
    widening = np.zeros_like(model.neutral)
    for label in np.unique(part[model.triangles[_strip_triangles()]]):
        members = np.flatnonzero(part == label)
        height = model.neutral[members, 1]
        near = np.exp(-(((height[:, None] - height[None]) / 0.15) ** 2))
        middle = near @ model.neutral[members] / near.sum(1, keepdims=True)
        outward = model.neutral[members] - middle
        widening[members, 0] = 0.45 * outward[:, 0]
        widening[members, 2] = 0.45 * outward[:, 2]
    return widening


@cache
def _strip_triangles() -> Ints:
    model = load_face_model()
    strips = model.triangles_of(HAIR_STRIPS)
    behind_face = model.neutral[model.triangles[strips]][:, :, 2].max(1) < 0.75
    return strips[behind_face]


@compiled
def _hair_density(x: float, y: float, z: float, cut: Floats, margin: float) -> float:
    """How much hair grows at a place of the neutral head, ``margin`` inside the hairline, 0..1."""
    side = abs(x)
    fringe = cut[1] * 0.34 * step(0.70, 0.50, side) * (0.85 + 0.15 * np.sin(7 * x + 2))
    line = 8.02 + cut[0] - fringe - 0.28 * step(0.45, 0.72, side)
    front = step(-0.05, 0.05, y - line - margin)
    temple = step(0.57, 0.65, side) * step(7.05, 7.25, y - margin) * step(1.12, 0.98, z + margin)
    back = step(0.55, 0.15, z) * step(cut[2] - 0.05, cut[2] + 0.05, y)
    return max(front, max(temple, back))


@compiled
def _vertex_density(neutral: Floats, cut: Floats, margin: float) -> Floats:
    density = np.empty(len(neutral), np.float32)
    for vertex in range(len(neutral)):
        density[vertex] = _hair_density(
            neutral[vertex, 0], neutral[vertex, 1], neutral[vertex, 2], cut, margin
        )
    return density


@compiled
def shade_hair(
    picture: Floats,
    triangle: Ints,
    weights: Floats,
    depth: Floats,
    front: Floats,
    mesh: Mesh,
    up: Floats,
    hair: Hair,
    lighting: Lighting,
    strips: bool,
) -> None:
    """Blend hair over the picture where it lies before what was drawn, and update the front depth.

    Args:
        picture: Shape (height, width, 3), linear RGB, changed in place.
        triangle: Triangle buffer of the hair, shape (height, width).
        weights: Its weights, shape (height, width, 2).
        depth: Its depth.
        front: Depth of everything drawn before; receives the depth of opaque hair.
        mesh: The head.
        up: Shape (3,), the head's upward axis in camera space.
        hair: The person's hair.
        lighting: The lights.
        strips: Whether the triangles are the opaque strips rather than the scalp's shell.
    """
    height, width = triangle.shape
    limit = TEXTURE_SIZE - 2
    for row in range(height):
        for column in range(width):
            index = triangle[row, column]
            if index < 0 or depth[row, column] >= front[row, column] + 0.01:
                continue
            a, b, c = mesh.triangles[index, 0], mesh.triangles[index, 1], mesh.triangles[index, 2]
            wa, wb = weights[row, column, 0], weights[row, column, 1]
            wc = np.float32(1) - wa - wb
            x = wa * mesh.neutral[a, 0] + wb * mesh.neutral[b, 0] + wc * mesh.neutral[c, 0]
            y = wa * mesh.neutral[a, 1] + wb * mesh.neutral[b, 1] + wc * mesh.neutral[c, 1]
            z = wa * mesh.neutral[a, 2] + wb * mesh.neutral[b, 2] + wc * mesh.neutral[c, 2]
            if strips:
                u, v = (abs(x) + z) * 170.0, (8.5 - y) * 128.0
            else:
                u = wa * mesh.texels[a, 0] + wb * mesh.texels[b, 0] + wc * mesh.texels[c, 0]
                v = wa * mesh.texels[a, 1] + wb * mesh.texels[b, 1] + wc * mesh.texels[c, 1]
            u, v = abs(u) % limit, abs(v) % limit
            i, j = int(v), int(u)
            fu, fv = u - j, v - i
            strand = (1 - fv) * ((1 - fu) * hair.strands[i, j] + fu * hair.strands[i, j + 1])
            strand += fv * ((1 - fu) * hair.strands[i + 1, j] + fu * hair.strands[i + 1, j + 1])
            cover = 1.0
            if not strips:
                grows = wa * hair.scalp[a] + wb * hair.scalp[b] + wc * hair.scalp[c]
                cover = _hair_density(x, y, z, hair.cut, 0.0) * grows
                cover = step(0.10, 0.38, cover + 0.07 * strand * grows)
                beyond_head = front[row, column] > 1e9
                if beyond_head and wa * hair.lift[a] + wb * hair.lift[b] + wc * hair.lift[c] > 0.005:
                    cover = 1.0  # below the lifted rim there is hair, not background
                if cover <= 0:
                    continue
            nx = wa * mesh.normals[a, 0] + wb * mesh.normals[b, 0] + wc * mesh.normals[c, 0]
            ny = wa * mesh.normals[a, 1] + wb * mesh.normals[b, 1] + wc * mesh.normals[c, 1]
            nz = wa * mesh.normals[a, 2] + wb * mesh.normals[b, 2] + wc * mesh.normals[c, 2]
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            inside = 1.0 if nz > 0 or strips else 0.35  # the inner side of the shell lies in the dark
            nx, ny, nz = nx / length + 0.22 * strand, ny / length, abs(nz) / length
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            along = up[0] * nx + up[1] * ny + up[2] * nz
            tx, ty, tz = up[0] - along * nx, up[1] - along * ny, up[2] - along * nz
            length = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
            tx, ty, tz = tx / length, ty / length, tz / length
            tint = min(max(1 + (0.38 + 0.25 * hair.cut[3]) * strand, 0.25), 2.0) * inside
            above = 0.5 + 0.5 * ny
            red, green, blue = hair.colour[0] * tint, hair.colour[1] * tint, hair.colour[2] * tint
            out_r = red * (lighting.sky[0] * above + lighting.ground[0] * (1 - above)) * 0.7
            out_g = green * (lighting.sky[1] * above + lighting.ground[1] * (1 - above)) * 0.7
            out_b = blue * (lighting.sky[2] * above + lighting.ground[2] * (1 - above)) * 0.7
            for i in range(len(lighting.directions)):
                lx, ly, lz = lighting.directions[i, 0], lighting.directions[i, 1], lighting.directions[i, 2]
                toward = (nx * lx + ny * ly + nz * lz) * 0.7 + 0.3
                if toward <= 0:
                    continue
                hx, hy, hz = lx, ly, lz + 1
                length = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                across = (tx * hx + ty * hy + tz * hz) / length
                sheen = max(1 - across * across, 0.0) ** 24 * toward * inside
                sheen *= (0.35 + 0.25 * strand) * (1 - 0.7 * hair.cut[3])
                sheen = max(sheen, 0.0)
                out_r += (red * (0.8 * toward + 0.6 * sheen) + 0.02 * sheen) * lighting.colours[i, 0]
                out_g += (green * (0.8 * toward + 0.6 * sheen) + 0.02 * sheen) * lighting.colours[i, 1]
                out_b += (blue * (0.8 * toward + 0.6 * sheen) + 0.02 * sheen) * lighting.colours[i, 2]
            picture[row, column, 0] += cover * (out_r - picture[row, column, 0])
            picture[row, column, 1] += cover * (out_g - picture[row, column, 1])
            picture[row, column, 2] += cover * (out_b - picture[row, column, 2])
            if cover > 0.5:
                front[row, column] = min(front[row, column], depth[row, column])
