"""Where a face is photographed: head pose, framing, lights and background of one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.backgrounds import lab_background, wild_background

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """One directional light.

    Attributes:
        direction: Shape (3,), unit vector from the face toward the light in camera space
            (+x right in the picture, +y up, +z toward the viewer).
        colour: Shape (3,), linear RGB radiance, 1 = full scale.
        casts_shadow: Whether the renderer traces a shadow map for it.
    """

    direction: Vector
    colour: Vector
    casts_shadow: bool = False


@dataclass(frozen=True)
class Scene:
    """Everything about a picture that is neither the person nor the expression.

    Attributes:
        yaw: Head rotation about the vertical axis in radians, positive toward the right of the picture.
        pitch: Head rotation about the horizontal axis in radians, positive = nodding down.
        roll: Head rotation in the picture plane in radians.
        camera_distance: Distance of the camera in face units (5 = near, strong perspective; 14 = far).
        framing: ``(shift_x, shift_y, enlargement)``: the picture spans ``enlargement`` times the projected
            face extent; its centre is the face's, shifted by these fractions of the extent (+x right, +y up).
        lights: Directional lights, the key light first.
        sky: Shape (3,), linear RGB of the ambient light from above.
        ground: Shape (3,), linear RGB of the ambient light from below.
        exposure: Factor on the linear picture.
        background: Shape (2 * size, 2 * size, 3), float32 linear RGB, in [0, 1].
        size: Side of the square picture in pixels.
    """

    yaw: float
    pitch: float
    roll: float
    camera_distance: float
    framing: tuple[float, float, float]
    lights: tuple[Light, ...]
    sky: Vector
    ground: Vector
    exposure: float
    background: NDArray[np.float32]
    size: int


@dataclass(frozen=True)
class Studio:
    """A recording room of a laboratory set: what stays fixed over one session.

    Attributes:
        lights: Key light first.
        sky: Ambient light from above, linear RGB.
        ground: Ambient light from below, linear RGB.
        exposure: Base exposure.
        camera_distance: In face units.
        enlargement: How many face extents the picture spans.
        backdrop: Linear RGB colour of the wall.
        backdrop_seed: Seed of the wall's folds and unevenness.
        pose_jitter: Standard deviations of yaw, pitch and roll in radians.
    """

    lights: tuple[Light, ...]
    sky: Vector
    ground: Vector
    exposure: float
    camera_distance: float
    enlargement: float
    backdrop: Vector
    backdrop_seed: int
    pose_jitter: tuple[float, float, float] = (0.07, 0.05, 0.03)


def unit(x: float, y: float, z: float) -> Vector:
    """Return the vector scaled to length one."""
    vector = np.array([x, y, z], np.float32)
    return vector / np.linalg.norm(vector)


Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Laboratory:
    """How the recording rooms of one set are built; single sessions scatter about it.

    Attributes:
        key: Direction toward the key light before it is scaled to length one, see `Light`.
        key_colour: Linear RGB radiance of the key light.
        fill: Direction toward the fill light.
        fill_colour: Linear RGB radiance of the fill light.
        sky: Ambient light from above, linear RGB.
        ground: Ambient light from below, linear RGB.
        exposure: Base exposure.
        camera_distance: In face units.
        enlargement: How many face extents the picture spans.
        walls: Linear RGB colours of the walls, one of which is behind a person.
    """

    key: Triple = (-0.5, 0.75, 0.75)
    key_colour: Triple = (0.66, 0.63, 0.60)
    fill: Triple = (0.8, 0.25, 0.6)
    fill_colour: Triple = (0.20, 0.21, 0.22)
    sky: Triple = (0.42, 0.42, 0.44)
    ground: Triple = (0.20, 0.19, 0.18)
    exposure: float = 0.92
    camera_distance: float = 11.0
    enlargement: float = 1.45
    walls: tuple[Triple, ...] = (
        (0.42, 0.44, 0.47),
        (0.30, 0.36, 0.45),
        (0.55, 0.55, 0.53),
        (0.22, 0.30, 0.24),
        (0.70, 0.70, 0.70),
        (0.05, 0.06, 0.09),
    )


SOFT_STUDIO = Laboratory()
"""Soft even light and a plain wall of any grey."""


def sample_studio(
    rng: np.random.Generator, variation: float = 1.0, laboratory: Laboratory = SOFT_STUDIO
) -> Studio:
    """Return the room of one recording session: soft even light and a plain wall.

    Args:
        rng: Random generator.
        variation: How far key, fill and exposure scatter between sessions; 0 = always the same lamps.
        laboratory: How the rooms of the set are built.

    Returns:
        The studio.
    """
    (key_x, key_y, key_z), (fill_x, fill_y, fill_z) = laboratory.key, laboratory.fill
    key = unit(key_x + 0.25 * variation * rng.normal(), key_y + 0.12 * variation * rng.normal(), key_z)
    fill = unit(fill_x + 0.15 * variation * rng.normal(), fill_y + 0.12 * variation * rng.normal(), fill_z)
    side = 1.0 if rng.random() < 0.5 else -1.0
    mirror = np.array([side, 1, 1], np.float32)
    strength = 1 + 0.12 * variation * float(rng.normal())
    wall = np.asarray(laboratory.walls[int(rng.integers(len(laboratory.walls)))], np.float32)
    return Studio(
        lights=(
            Light(key * mirror, np.array(laboratory.key_colour, np.float32) * np.float32(strength), True),
            Light(fill * mirror, np.array(laboratory.fill_colour, np.float32)),
        ),
        sky=np.array(laboratory.sky, np.float32),
        ground=np.array(laboratory.ground, np.float32),
        exposure=laboratory.exposure + 0.05 * variation * float(rng.normal()),
        camera_distance=laboratory.camera_distance,
        enlargement=laboratory.enlargement,
        backdrop=wall * np.float32(rng.uniform(0.85, 1.1)),
        backdrop_seed=int(rng.integers(2**31)),
    )


def turn_studio(studio: Studio, angle: float) -> Studio:
    """Return the room as the camera of a person sees it who sits at another place in it.

    The wall is of the same colour; the lamps stand where they stood, so their light comes from elsewhere.

    Args:
        studio: The room.
        angle: How far person and camera are turned about the vertical axis, in radians.
    """
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32
    )
    lights = tuple(replace(light, direction=turn @ light.direction) for light in studio.lights)
    return replace(studio, lights=lights, backdrop_seed=abs(studio.backdrop_seed + round(1000 * angle)))


def lab_scene(
    rng: np.random.Generator,
    size: int,
    studio: Studio,
    pose: Triple | None = None,
    framing: Triple | None = None,
) -> Scene:
    """Return one frame in a studio: light and wall are the studio's, head pose and framing jitter a little.

    Args:
        rng: Random generator of the frame's jitter.
        size: Side of the picture in pixels.
        studio: The session's room.
        pose: Yaw, pitch and roll in radians, e.g. from a video's course; sampled when None.
        framing: Shift to the right and upward in face extents and factor on the studio's enlargement, e.g.
            from a video's course; sampled when None.

    Returns:
        The scene.
    """
    sampled = tuple(float(rng.normal(0, deviation)) for deviation in studio.pose_jitter)
    yaw, pitch, roll = sampled if pose is None else pose
    jitter = float(rng.normal(0, 0.02)), float(rng.normal(0.02, 0.02)), float(1 + rng.normal(0, 0.015))
    right, up, farther = jitter if framing is None else framing
    return Scene(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        camera_distance=studio.camera_distance,
        framing=(right, up, studio.enlargement * farther),
        lights=studio.lights,
        sky=studio.sky,
        ground=studio.ground,
        exposure=studio.exposure + float(rng.normal(0, 0.015)),
        background=lab_background(studio.backdrop_seed, 2 * size, studio.backdrop),
        size=size,
    )


@dataclass(frozen=True)
class Surroundings:
    """How varied the snapshots of an in-the-wild set are.

    Attributes:
        pose_deviation: Standard deviations of yaw, pitch and roll in radians.
        pose_limit: Largest yaw, pitch and roll in radians.
        enlargement: Range of the picture's span in face extents.
        key: Range of the key light's strength.
        ambient: Range of the ambient light's strength.
        warmth: Standard deviation of the colour temperature of the key.
        exposure: Mean and standard deviation of the exposure after metering.
        backgrounds: Shares of plain, room, outdoors, foliage and evening behind the head, sum 1.
    """

    pose_deviation: tuple[float, float, float] = (0.34, 0.16, 0.13)
    pose_limit: tuple[float, float, float] = (0.95, 0.45, 0.40)
    enlargement: tuple[float, float] = (1.30, 1.75)
    key: tuple[float, float] = (0.25, 1.3)
    ambient: tuple[float, float] = (0.12, 0.55)
    warmth: float = 0.12
    exposure: tuple[float, float] = (0.98, 0.18)
    backgrounds: tuple[float, float, float, float, float] = (0.2, 0.3, 0.2, 0.15, 0.15)


SNAPSHOTS = Surroundings()
"""Pictures found on the web: any pose up to half profile, any light."""


def wild_scene(
    rng: np.random.Generator,
    size: int,
    surroundings: Surroundings = SNAPSHOTS,
    pose: tuple[float, float, float] | None = None,
) -> Scene:
    """Return one snapshot: free head pose, one to two coloured lights, metered exposure, busy background.

    Args:
        rng: Random generator.
        size: Side of the picture in pixels.
        surroundings: How varied pose, framing and light are.
        pose: Yaw, pitch and roll in radians, when the picture's meaning fixes them; sampled when None.

    Returns:
        The scene.
    """
    sampled = tuple(
        float(np.clip(rng.normal(0, deviation), -limit, limit))
        for deviation, limit in zip(surroundings.pose_deviation, surroundings.pose_limit, strict=True)
    )
    yaw, pitch, roll = sampled if pose is None else pose
    lights, sky, ground, exposure = _wild_light(rng, surroundings)
    return Scene(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        camera_distance=float(rng.uniform(5, 14)),
        framing=(
            float(rng.normal(0, 0.03)),
            float(rng.normal(0.03, 0.03)),
            float(rng.uniform(*surroundings.enlargement)),
        ),
        lights=lights,
        sky=sky,
        ground=ground,
        exposure=exposure,
        background=wild_background(rng, 2 * size, surroundings.backgrounds),
        size=size,
    )


def _wild_light(
    rng: np.random.Generator, surroundings: Surroundings
) -> tuple[tuple[Light, ...], Vector, Vector, float]:
    """Return lights, sky, ground and the exposure a camera's meter would choose for them."""
    warmth = float(np.clip(rng.normal(0, surroundings.warmth), -0.35, 0.35))
    key_tint = np.array([1 + warmth, 1, 1 - warmth], np.float32)
    other_tint = np.clip(1 + rng.normal(0, surroundings.warmth, 3), 0.6, 1.5).astype(np.float32)
    key = float(rng.uniform(*surroundings.key))
    ambient = float(rng.uniform(*surroundings.ambient))
    azimuth, elevation = rng.uniform(-1.4, 1.4), rng.uniform(-0.1, 1.2)
    toward = unit(
        np.sin(azimuth) * np.cos(elevation),
        np.sin(elevation),
        max(np.cos(azimuth) * np.cos(elevation), 0.15),
    )
    lights = [Light(toward, key_tint * np.float32(key), casts_shadow=True)]
    if rng.random() < 0.6:
        azimuth = rng.uniform(-1.7, 1.7)
        toward = unit(np.sin(azimuth), rng.uniform(-0.2, 0.6), np.cos(azimuth) * 0.6 + 0.2)
        lights.append(Light(toward, other_tint * np.float32(rng.uniform(0.05, 0.5))))
    sky = other_tint * np.float32(ambient * rng.uniform(0.8, 1.3))
    ground = other_tint[::-1] * np.float32(ambient * rng.uniform(0.3, 0.9))
    mean, deviation = surroundings.exposure
    wanted = float(np.clip(rng.normal(mean, deviation), 0.55, 1.45))
    # A camera meters the face: its lit area receives about the ambient light and most of the key.
    exposure = wanted / (ambient * 1.1 + key * 0.75 * max(float(lights[0].direction[2]), 0.35) + 0.12)
    return tuple(lights), sky.astype(np.float32), ground.astype(np.float32), exposure
