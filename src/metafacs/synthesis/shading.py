"""Light on skin, eyes, teeth and mouth, computed pixel by pixel in one compiled pass.

The model: ambient light from sky and ground, directional lights with wrapped diffuse reflection (red light
travels furthest in skin), a Blinn highlight, a soft rim, baked ambient occlusion and shadow maps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metafacs.compilation import compiled
from metafacs.synthesis.compilation import clamp, step
from metafacs.synthesis.shadows import lit_share

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_CAVITY = np.array([0.190, 0.017, 0.017], np.float32)
_TEETH = np.array([0.81, 0.75, 0.64], np.float32)
_TONGUE = np.array([0.523, 0.114, 0.114], np.float32)
_SCLERA = np.array([0.915, 0.815, 0.800], np.float32)
_WRAP = np.array([0.38, 0.18, 0.12], np.float32)


class Mesh(NamedTuple):
    """The posed head in camera space.

    Attributes:
        triangles: Shape (triangle, 3).
        surface: Shape (triangle,), codes of `face_model`.
        positions: Shape (vertex, 3).
        normals: Shape (vertex, 3).
        texels: Shape (vertex, 2), texture coordinates in texels.
        neutral: Shape (vertex, 3), positions on the neutral head.
        ambient: Shape (vertex, 2), ambient occlusion with the mouth closed and open.
        shine: Shape (vertex,), strength of the skin's highlight.
    """

    triangles: Ints
    surface: Ints
    positions: Floats
    normals: Floats
    texels: Floats
    neutral: Floats
    ambient: Floats
    shine: Floats


class Lighting(NamedTuple):
    """Lights of a scene.

    Attributes:
        directions: Shape (light, 3), unit vectors toward the lights in camera space.
        colours: Shape (light, 3), linear RGB.
        shadow: Shape (light,), index into the shadow maps, -1 for a light without one.
        sky: Shape (3,).
        ground: Shape (3,).
        maps: Shape (shadow, 192, 192), depth seen from the light.
        axes: Shape (shadow, 3, 3), rows: right, up and toward the light.
    """

    directions: Floats
    colours: Floats
    shadow: Ints
    sky: Floats
    ground: Floats
    maps: Floats
    axes: Floats


class Eyes(NamedTuple):
    """What the shading of the eyeballs needs.

    Attributes:
        neutral_centres: Shape (2, 3), on the neutral head; fixes the iris.
        centres: Shape (2, 3), in camera space.
        up: Shape (3,), the head's upward axis in camera space.
        iris: Shape (3,), linear RGB.
    """

    neutral_centres: Floats
    centres: Floats
    up: Floats
    iris: Floats


@compiled
def skin_relief(triangle: Ints, weights: Floats, mesh: Mesh, heights: Floats, relief: Floats) -> None:
    """Look up the height of the skin at every pixel.

    Args:
        triangle: Shape (height, width), triangle numbers, -1 for none.
        weights: Shape (height, width, 2).
        mesh: The head.
        heights: Shape (512, 512), pores and wrinkles.
        relief: Shape (height, width, 3), receives texel column, texel row and height; the column is -1 where
            there is no skin.
    """
    height, width = triangle.shape
    limit = np.float32(heights.shape[0] - 1.001)
    zero, one = np.float32(0), np.float32(1)
    for row in range(height):
        for column in range(width):
            index = triangle[row, column]
            if index < 0 or (mesh.surface[index] != 0 and mesh.surface[index] != 8):
                relief[row, column, 0] = -1
                continue
            a, b, c = mesh.triangles[index, 0], mesh.triangles[index, 1], mesh.triangles[index, 2]
            wa, wb = weights[row, column, 0], weights[row, column, 1]
            wc = one - wa - wb
            u = wa * mesh.texels[a, 0] + wb * mesh.texels[b, 0] + wc * mesh.texels[c, 0]
            v = wa * mesh.texels[a, 1] + wb * mesh.texels[b, 1] + wc * mesh.texels[c, 1]
            u, v = min(max(u, zero), limit), min(max(v, zero), limit)
            x, y = int(u), int(v)
            fx, fy = u - np.float32(x), v - np.float32(y)
            upper = heights[y, x] + fx * (heights[y, x + 1] - heights[y, x])
            lower = heights[y + 1, x] + fx * (heights[y + 1, x + 1] - heights[y + 1, x])
            relief[row, column, 0] = u
            relief[row, column, 1] = v
            relief[row, column, 2] = upper + fy * (lower - upper)


@compiled
def _slope(relief: Floats, row: int, column: int, down: int, right: int) -> float:
    """Half the height difference of the two neighbours, 0 at the border of the skin."""
    height, width = relief.shape[:2]
    above, below = row - down, row + down
    before, after = column - right, column + right
    if above < 0 or before < 0 or below >= height or after >= width:
        return 0.0
    if relief[above, before, 0] < 0 or relief[below, after, 0] < 0:
        return 0.0
    return (relief[below, after, 2] - relief[above, before, 2]) * 0.5


@compiled
def _eye_albedo(d0: float, d1: float, d2: float, iris: Floats, albedo: Floats) -> None:
    """Sclera, iris with fibres and dark rim, and pupil, from the direction on the neutral eyeball."""
    angle = np.arccos(clamp(d2, -1.0, 1.0))
    around = np.arctan2(d1, d0)
    rim, pupil = 0.44, 0.20
    fibres = (
        0.75 + 0.25 * np.sin(around * 37 + 3 * np.sin(around * 11 + angle * 20)) + 0.075 * np.cos(around * 23)
    )
    bright = fibres * (0.65 + 0.9 * clamp((angle - pupil) / (rim - pupil), 0.0, 1.0))
    bright *= 1 - 0.75 * step(rim - 0.07, rim, angle)
    white = 1 - 0.25 * clamp((angle - 0.5) / 0.6, 0.0, 1.0)
    outside = step(rim - 0.03, rim + 0.04, angle)
    open_pupil = step(pupil - 0.03, pupil + 0.03, angle)
    for k in range(3):
        colour = iris[k] * bright * (1 - outside) + _SCLERA[k] * white * outside
        albedo[k] = colour * open_pupil + 0.004 * (1 - open_pupil)


@compiled
def shade_head(
    picture: Floats,
    triangle: Ints,
    weights: Floats,
    relief: Floats,
    scale: float,
    mesh: Mesh,
    texture: Floats,
    eyes: Eyes,
    lighting: Lighting,
    mouth_open: float,
) -> None:
    """Shade skin, eyes, teeth, tongue and mouth cavity into a picture.

    Args:
        picture: Shape (height, width, 3), linear RGB, changed where the head is seen.
        triangle: Shape (height, width), triangle numbers, -1 for none.
        weights: Shape (height, width, 2).
        relief: Shape (height, width, 3), see :func:`skin_relief`.
        scale: Pixels per face unit.
        mesh: The head.
        texture: Shape (512, 512, 4), see `skin.Skin`.
        eyes: The eyeballs.
        lighting: The lights.
        mouth_open: 0 closed ... 1 wide open, blends the two baked ambient occlusions.
    """
    height, width = triangle.shape
    triangles, surface, positions, normals = mesh.triangles, mesh.surface, mesh.positions, mesh.normals
    neutral, occlusion, shine = mesh.neutral, mesh.ambient, mesh.shine
    directions, colours, shadow, sky, ground = (
        lighting.directions,
        lighting.colours,
        lighting.shadow,
        lighting.sky,
        lighting.ground,
    )
    albedo = np.zeros(3, np.float32)
    lights = len(directions)
    for row in range(height):
        for column in range(width):
            index = triangle[row, column]
            if index < 0:
                continue
            kind = surface[index]
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            wa, wb = weights[row, column, 0], weights[row, column, 1]
            wc = np.float32(1) - wa - wb
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
            px = wa * positions[a, 0] + wb * positions[b, 0] + wc * positions[c, 0]
            py = wa * positions[a, 1] + wb * positions[b, 1] + wc * positions[c, 1]
            pz = wa * positions[a, 2] + wb * positions[b, 2] + wc * positions[c, 2]
            closed = wa * occlusion[a, 0] + wb * occlusion[b, 0] + wc * occlusion[c, 0]
            opened = wa * occlusion[a, 1] + wb * occlusion[b, 1] + wc * occlusion[c, 1]
            ambient = closed + max(opened - closed, 0.0) * mouth_open
            specular, wet, is_skin, least_lit = 0.22, 0.0, False, 0.0
            if kind == 0 or kind == 8:
                is_skin = True
                u, v = relief[row, column, 0], relief[row, column, 1]
                x, y = int(u), int(v)
                fx, fy = u - x, v - y
                w00, w10, w01, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
                for k in range(3):
                    albedo[k] = (
                        w00 * texture[y, x, k]
                        + w10 * texture[y, x + 1, k]
                        + w01 * texture[y + 1, x, k]
                        + w11 * texture[y + 1, x + 1, k]
                    )
                lip = (
                    w00 * texture[y, x, 3]
                    + w10 * texture[y, x + 1, 3]
                    + w01 * texture[y + 1, x, 3]
                    + w11 * texture[y + 1, x + 1, 3]
                )
                dark = clamp(1 + min(relief[row, column, 2], 0.0) * 14, 0.55, 1.0)
                albedo[0] *= 0.3 + 0.7 * dark
                albedo[1] *= dark
                albedo[2] *= dark
                facing = clamp(nz, 0.25, 1.0) * scale
                nx -= _slope(relief, row, column, 0, 1) * facing
                ny += _slope(relief, row, column, 1, 0) * facing
                specular = wa * shine[a] + wb * shine[b] + wc * shine[c]
                specular += 0.35 * lip
                wet = lip
            elif kind == 1 or kind == 2:
                e = kind - 1
                d0 = wa * neutral[a, 0] + wb * neutral[b, 0] + wc * neutral[c, 0]
                d1 = wa * neutral[a, 1] + wb * neutral[b, 1] + wc * neutral[c, 1]
                d2 = wa * neutral[a, 2] + wb * neutral[b, 2] + wc * neutral[c, 2]
                d0 -= eyes.neutral_centres[e, 0]
                d1 -= eyes.neutral_centres[e, 1]
                d2 -= eyes.neutral_centres[e, 2]
                length = np.sqrt(d0 * d0 + d1 * d1 + d2 * d2) + 1e-9
                _eye_albedo(d0 / length, d1 / length, d2 / length, eyes.iris, albedo)
                nx, ny, nz = px - eyes.centres[e, 0], py - eyes.centres[e, 1], pz - eyes.centres[e, 2]
                raised = nx * eyes.up[0] + ny * eyes.up[1] + nz * eyes.up[2]
                ambient = clamp(0.78 - 4.0 * raised, 0.35, 1.0)  # the upper lid shades the eye
                specular = 1.2
            elif kind == 3:
                across = wa * neutral[a, 0] + wb * neutral[b, 0] + wc * neutral[c, 0]
                gap = abs(np.sin(across * np.pi / 0.085))
                # dark in a slit and toward the corners, where lips and cheeks shade the teeth
                bare = step(0.02, 0.16, mouth_open) * (1 - 0.85 * step(0.10, 0.21, abs(across)))
                bright = (0.75 + 0.25 * min(gap * 3, 1.0)) * (0.06 + 0.94 * bare)
                for k in range(3):
                    albedo[k] = _TEETH[k] * bright
                ambient = bare * max(opened * 1.5, 0.78)
                nz += 1.0  # light scatters in a row of teeth: it is lit as one surface facing forward
                specular, wet, least_lit = 0.5 * bare, 1.0, 0.75
            else:
                for k in range(3):
                    albedo[k] = _TONGUE[k] if kind == 4 else _CAVITY[k]
                ambient = opened * (0.55 + 0.45 * mouth_open)
                specular = 0.3 if kind == 4 else 0.1
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            ambient = clamp(ambient, 0.0, 1.0)
            root = np.sqrt(ambient)
            above = 0.5 + 0.5 * ny
            for k in range(3):  # light that leaves a crease was reflected in it before: redder
                share = ambient * 0.8 + 0.2 * root if k == 0 else ambient * 1.04 - 0.04 * root
                light = sky[k] * above + ground[k] * (1 - above)
                picture[row, column, k] = albedo[k] * light * share
            for i in range(lights):
                lx, ly, lz = directions[i, 0], directions[i, 1], directions[i, 2]
                toward = nx * lx + ny * ly + nz * lz
                if toward < -0.4:
                    continue
                lit = 1.0
                if shadow[i] >= 0:
                    which = shadow[i]
                    lit = max(lit_share(lighting.maps, lighting.axes, which, px, py, pz), least_lit)
                soft = lit * (0.35 + 0.65 * ambient)
                half_length = np.sqrt(lx * lx + ly * ly + (lz + 1) * (lz + 1)) + 1e-9
                half = clamp((nx * lx + ny * ly + nz * (lz + 1)) / half_length, 0.0, 1.0)
                front = clamp(toward, 0.0, 1.0) * lit * ambient
                edge = 1 - clamp(nz, 0.0, 1.0)
                glint = front * 0.125 * edge * edge
                if half > 0.7:
                    if kind == 1 or kind == 2:
                        lobe = 0.9 * half**220
                    else:  # dry skin scatters the highlight widely, wet lips and teeth narrowly
                        lobe = (1 - wet) * 0.104 * half**18 + wet * 0.204 * half**43
                    glint += front * specular * lobe
                for k in range(3):
                    wrap = _WRAP[k] if is_skin else np.float32(0.02)
                    diffuse = clamp((toward + wrap) / (1 + wrap), 0.0, 1.0) * soft
                    picture[row, column, k] += (albedo[k] * diffuse + glint) * colours[i, k]


@compiled
def shade_lashes(
    picture: Floats,
    triangle: Ints,
    weights: Floats,
    depth: Floats,
    front: Floats,
    mesh: Mesh,
    density: Floats,
) -> None:
    """Darken the picture where lashes lie before the head.

    Args:
        picture: Shape (height, width, 3), linear RGB, changed in place.
        triangle: Triangle buffer of the lashes, shape (height, width).
        weights: Their weights, shape (height, width, 2).
        depth: Their depth.
        front: Depth of the head.
        mesh: The head.
        density: Shape (vertex,), 0..1: how dark the lashes are.
    """
    height, width = triangle.shape
    for row in range(height):
        for column in range(width):
            index = triangle[row, column]
            if index < 0 or depth[row, column] >= front[row, column]:
                continue
            a, b, c = mesh.triangles[index, 0], mesh.triangles[index, 1], mesh.triangles[index, 2]
            wa, wb = weights[row, column, 0], weights[row, column, 1]
            wc = np.float32(1) - wa - wb
            x = wa * mesh.neutral[a, 0] + wb * mesh.neutral[b, 0] + wc * mesh.neutral[c, 0]
            z = wa * mesh.neutral[a, 2] + wb * mesh.neutral[b, 2] + wc * mesh.neutral[c, 2]
            strength = wa * density[a] + wb * density[b] + wc * density[c]
            root = clamp(0.9 - 10.0 * clamp(z - 1.30, 0.0, 0.075), 0.0, 1.0)
            cover = root * (0.8 + 0.2 * np.sin(x * 2 * np.pi / 0.022)) * strength
            for k in range(3):
                picture[row, column, k] += cover * (0.008 - picture[row, column, k])


@compiled
def develop(picture: Floats, exposure: float, tones: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average 2 x 2 pixels, expose, compress highlights and encode.

    Args:
        picture: Shape (2 * size, 2 * size, 3), linear RGB.
        exposure: Factor.
        tones: Shape (4096,), display value of linear 0..1.

    Returns:
        Shape (size, size, 3), sRGB.
    """
    size = picture.shape[0] // 2
    image = np.empty((size, size, 3), np.uint8)
    for row in range(size):
        for column in range(size):
            for k in range(3):
                value = 0.25 * (
                    picture[2 * row, 2 * column, k]
                    + picture[2 * row, 2 * column + 1, k]
                    + picture[2 * row + 1, 2 * column, k]
                    + picture[2 * row + 1, 2 * column + 1, k]
                )
                value = max(value * exposure, 0.0)
                value = value / (1 + 0.18 * value)
                image[row, column, k] = tones[int(min(value, 1.0) * 4095 + 0.5)]
    return image
