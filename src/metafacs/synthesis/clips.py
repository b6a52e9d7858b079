"""Rendered clips of known people, for tests and measurements of everything that reads videos.

Who is where in every frame, how the head is turned and what the face does is known exactly. The frames come
one after the other and are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.activations import Activation, resolve_conflicts
from metafacs.synthesis.camera import Camera, expose
from metafacs.synthesis.identities import Identity, sample_identity
from metafacs.synthesis.noise import value_noise
from metafacs.synthesis.rooms import (
    Guest,
    Place,
    Presence,
    Room,
    hang_portrait,
    hidden_share,
    place_person,
    sample_room,
)

Picture = NDArray[np.uint8]
Course = NDArray[np.float32]

POOL = "clips"
"""The people of all clips; no data set shares them."""

VISIBLE = 0.3
"""Up to this hidden share a face counts as visible."""

_CAMERA = Camera(noise=(1.0, 2.5), brightness=0.4)
DISPLAYS: tuple[Mapping[int, float], ...] = (
    {6: 0.8, 12: 0.9, 25: 0.6},
    {1: 0.8, 2: 0.8, 5: 0.6, 25: 0.7, 26: 0.7},
    {4: 0.9, 7: 0.6},
    {1: 0.6, 4: 0.6, 15: 0.8, 17: 0.7},
    {9: 0.8, 10: 0.5, 25: 0.4},
    {25: 0.7, 26: 0.5},
)
"""What the people of clips do between pauses: smile, be surprised, frown, be sad, be disgusted, speak."""


@dataclass(frozen=True)
class ClipFace:
    """What is true of one person in one frame.

    Attributes:
        person: Who, counted from 0.
        hidden: Share of the face that is covered by others or outside the picture, 0..1.
        box: ``left, top, right, bottom`` in pixels, from the forehead to the chin.
        landmarks: Shape (68, 2), pixels, the centre of the first pixel at (0, 0).
        pose: Yaw, pitch and roll in radians, signs as `scenes.Scene`.
        action_units: AU -> intensity 0..1; absent AUs are left out.
    """

    person: int
    hidden: float
    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    pose: tuple[float, float, float]
    action_units: Mapping[int, float]

    @property
    def visible(self) -> bool:
        """Whether enough of the face is seen that it should be found."""
        return self.hidden <= VISIBLE


@dataclass(frozen=True)
class ClipFrame:
    """One frame of a clip.

    Attributes:
        number: Counted from 0.
        timestamp: Seconds from the first frame.
        image: Shape (height, width, 3), uint8 sRGB.
        faces: The people of whom something is in the picture, by person.
    """

    number: int
    timestamp: float
    image: Picture
    faces: tuple[ClipFace, ...]


@dataclass(frozen=True)
class _Plan:
    """Where everybody is.

    Attributes:
        guests: The people.
        places: Shape (frames, people, 3): x, y and extent of the faces in pixels; NaN where absent.
        rooms: Each camera's room.
        cameras: Shape (frames,), which room is seen.
        portraits: Person -> the picture of it on the wall of the first room.
    """

    guests: list[Guest]
    places: Course
    rooms: list[Room]
    cameras: NDArray[np.int64]
    portraits: Mapping[int, Presence]


@dataclass(frozen=True)
class _Setting:
    """What a clip is planned from: its generator, frames, frames per second, width and height."""

    rng: np.random.Generator
    frames: int
    rate: float
    width: int
    height: int

    @property
    def times(self) -> Course:
        """Seconds, shape (frames,)."""
        return np.arange(self.frames, dtype=np.float32) / np.float32(self.rate)

    def fluctuation(self, seconds: float) -> Course:
        """Return a smooth random course, deviation about 0.7, that changes within some seconds."""
        return value_noise(self.rng, (1, self.frames), 1.0, seconds * self.rate)[0]

    def standing(self, across: float, down: float, extent: float) -> Course:
        """Return the course of somebody who stays at a place and sways a little, shape (frames, 3).

        Args:
            across: Centre of the face, share of the width.
            down: Centre of the face, share of the height.
            extent: Of the face, share of the height.
        """
        return self.walking(np.full(self.frames, across * self.width, np.float32), down, extent)

    def walking(self, x: Course, down: float, extent: float) -> Course:
        """Return the course of somebody whose way across the picture is given in pixels."""
        size = extent * self.height * (1 + 0.03 * self.fluctuation(5.0))
        sway = 0.12 * extent * self.height
        y = down * self.height + 0.5 * sway * self.fluctuation(3.0)
        return np.stack([x + sway * self.fluctuation(3.5), y, size], 1).astype(np.float32)


def render_clip(
    kind: str,
    seed: int = 0,
    seconds: float = 10.0,
    rate: float = 25.0,
    size: tuple[int, int] = (640, 360),
) -> Iterator[ClipFrame]:
    """Render the frames of a clip one after the other.

    Args:
        kind: One of :data:`CLIPS`: ``one`` face; two people ``crossing``, again and again; one of two
            ``leaving`` and coming back elsewhere; a ``cut`` now and then to another camera that sees both
            people, swapped, or one; two ``sizes`` of faces; a ``poster`` of another person on the wall, which
            one walks past; two ``similar`` people crossing, in equal clothes.
        seed: Decides people, room, ways and displays.
        seconds: Length.
        rate: Frames per second.
        size: Width and height in pixels.

    Yields:
        The frames.

    Raises:
        ValueError: If the kind is unknown, or the clip would have no frame or too small ones.
    """
    if kind not in CLIPS:
        raise ValueError(f"there are no clips of kind {kind!r}; choose from {', '.join(CLIPS)}")
    frames = round(seconds * rate)
    width, height = size
    if frames < 1 or min(size) < 64:
        raise ValueError(
            f"a clip of {seconds} s, {rate} frames per second and {width} x {height} pixels cannot be made; "
            "it needs a frame and at least 64 pixels each way"
        )
    return _film(CLIPS[kind], _Setting(np.random.default_rng([seed, 7]), frames, rate, width, height), seed)


def _film(plan_of: Callable[[_Setting, int], _Plan], setting: _Setting, seed: int) -> Iterator[ClipFrame]:
    plan = plan_of(setting, seed)
    courses = [_Courses(setting) for _ in plan.guests]
    for number in range(setting.frames):
        camera = int(plan.cameras[number])
        room = plan.rooms[camera]
        picture = room.wall.copy()
        present: dict[int, Presence] = dict(plan.portraits) if camera == 0 else {}
        owner = np.full(picture.shape[:2], -1)
        for person, portrait in present.items():
            owner[portrait.covered] = person
        places = plan.places[number]
        # Whoever is farther away, and so smaller, is drawn first.
        for person in np.argsort(places[:, 2], kind="stable").tolist():
            if np.isnan(places[person, 0]):
                continue
            x, y, extent = (float(value) for value in places[person])
            head, activation = courses[person].at(number)
            presence = place_person(picture, room, plan.guests[person], activation, head, Place(x, y, extent))
            owner[presence.covered] = person
            present[person] = presence
        faces = tuple(
            ClipFace(
                person,
                hidden_share(presence, owner == person),
                presence.box,
                presence.landmarks,
                presence.pose,
                presence.action_units,
            )
            for person, presence in sorted(present.items())
        )
        image = expose(picture, _CAMERA, np.random.default_rng([seed, number]))
        yield ClipFrame(
            number, number / setting.rate, image, tuple(face for face in faces if face.hidden < 1)
        )


class _Courses:
    """How one person's head moves and what the face does over a clip."""

    def __init__(self, setting: _Setting) -> None:
        rng, frames, rate = setting.rng, setting.frames, setting.rate
        self._pose = np.stack([d * setting.fluctuation(2.0) for d in (0.28, 0.14, 0.09)], 1)
        self._gaze = np.clip([0.2 * setting.fluctuation(1.5), 0.12 * setting.fluctuation(1.5)], -0.8, 0.8)
        times = setting.times
        self._aus: dict[int, Course] = {}
        start = float(rng.uniform(0, 2))
        while start < frames / rate:
            display = DISPLAYS[int(rng.integers(len(DISPLAYS)))]
            rise, hold, fade = rng.uniform(0.3, 0.7), rng.uniform(0.6, 2.0), rng.uniform(0.4, 1.0)
            wave = np.clip((times - start) / rise, 0, 1)
            wave *= np.clip((start + rise + hold + fade - times) / fade, 0, 1)
            for au, most in display.items():
                course = self._aus.setdefault(au, np.zeros(frames, np.float32))
                np.maximum(course, most * float(rng.uniform(0.7, 1.0)) * wave, out=course)
            start += rise + hold + fade + float(rng.uniform(0.3, 2.0))
        blinks = np.cumsum(rng.uniform(2.0, 6.0, max(1, int(frames / rate))))
        self._aus[45] = np.clip(1.4 - np.abs(times[:, None] - blinks) / 0.09, 0, 1).max(1).astype(np.float32)

    def at(self, number: int) -> tuple[tuple[float, float, float], Activation]:
        """Return yaw, pitch and roll, and the facial display of a frame."""
        yaw, pitch, roll = (float(angle) for angle in self._pose[number])
        wanted = {au: float(course[number]) for au, course in sorted(self._aus.items())}
        shown = resolve_conflicts({au: x for au, x in wanted.items() if x > 0.02}, np.random.default_rng(0))
        horizontal, vertical = (float(angle) for angle in self._gaze[:, number])
        return (yaw, pitch, roll), Activation(shown, {}, (horizontal, vertical))


def _guests(setting: _Setting, seed: int, count: int) -> list[Guest]:
    return [Guest(sample_identity(4 * seed + k, pool=POOL), setting.rng) for k in range(count)]


def _in_one_room(setting: _Setting, guests: list[Guest], places: list[Course]) -> _Plan:
    room = sample_room(setting.rng, (setting.width, setting.height))
    cameras = np.zeros(setting.frames, np.int64)
    return _Plan(guests, np.stack(places, 1), [room], cameras, {})


def _one(setting: _Setting, seed: int) -> _Plan:
    return _in_one_room(setting, _guests(setting, seed, 1), [setting.standing(0.5, 0.45, 0.34)])


def _sizes(setting: _Setting, seed: int) -> _Plan:
    places = [setting.standing(0.3, 0.5, 0.5), setting.standing(0.75, 0.4, 0.17)]
    return _in_one_room(setting, _guests(setting, seed, 2), places)


def _cross(setting: _Setting, guests: list[Guest]) -> _Plan:
    """Two people go to and fro, and meet in the middle every four seconds."""
    turns = 2 * np.pi * setting.times / 8.0
    ways = (0.5 + sign * 0.3 * np.cos(turns + setting.rng.uniform(-0.5, 0.5)) for sign in (-1, 1))
    places = [
        setting.walking((way * setting.width).astype(np.float32), 0.46, extent)
        for way, extent in zip(ways, (0.33, 0.28), strict=True)
    ]
    return _in_one_room(setting, guests, places)


def _crossing(setting: _Setting, seed: int) -> _Plan:
    return _cross(setting, _guests(setting, seed, 2))


def _similar(setting: _Setting, seed: int) -> _Plan:
    first = sample_identity(4 * seed, pool=POOL)
    second = _look_alike(first, sample_identity(4 * seed + 1, pool=POOL))
    guests = [Guest(identity, setting.rng) for identity in (first, second)]
    guests[1].garment = guests[0].garment
    return _cross(setting, guests)


def _look_alike(model: Identity, other: Identity) -> Identity:
    """Return another person of the first one's sex, age, build, colours and hair, with a face of its own."""
    return replace(model, seed=other.seed, shape=other.shape, resting=other.resting, gains=other.gains)


def _leaving(setting: _Setting, seed: int) -> _Plan:
    """One stays; the other leaves on one side, is away for two seconds and comes back on the other."""
    cycle = setting.times / 10.0 % 1
    leave, back = np.clip((cycle - 0.35) / 0.15, 0, 1), np.clip((cycle - 0.75) / 0.15, 0, 1)
    way = np.where(cycle <= 0.6, 0.2 - 0.45 * leave, 1.25 - 0.45 * back)
    # The next time it is the other way round.
    way = np.where(setting.times / 10.0 % 2 < 1, way, 1 - way)
    places = [
        setting.standing(0.5, 0.45, 0.31),
        setting.walking((way * setting.width).astype(np.float32), 0.47, 0.29),
    ]
    return _in_one_room(setting, _guests(setting, seed, 2), places)


def _poster(setting: _Setting, seed: int) -> _Plan:
    """A picture on the wall, before which somebody walks."""
    way = 0.5 + 0.33 * np.cos(2 * np.pi * setting.times / 9.0)
    guests = _guests(setting, seed, 2)
    walker = setting.walking((way * setting.width).astype(np.float32), 0.5, 0.33)
    plan = _in_one_room(setting, guests, [walker, np.full_like(walker, np.nan)])
    place = Place(0.72 * setting.width, 0.34 * setting.height, 0.24 * setting.height)
    pose = (float(setting.rng.uniform(-0.2, 0.2)), 0.0, 0.0)
    room, portrait = hang_portrait(plan.rooms[0], guests[1], Activation({12: 0.4}), pose, place)
    return replace(plan, rooms=[room], portraits={1: portrait})


def _cut(setting: _Setting, seed: int) -> _Plan:
    """Two people at a table, seen by four cameras: both, both from the other side, and each alone."""
    size = setting.width, setting.height
    rooms = [sample_room(setting.rng, size) for _ in range(4)]
    views = (
        ((0.3, 0.45, 0.30), (0.7, 0.47, 0.27)),
        ((0.68, 0.47, 0.28), (0.32, 0.45, 0.31)),
        ((0.5, 0.48, 0.42), None),
        (None, (0.5, 0.48, 0.42)),
    )
    courses = [[None if place is None else setting.standing(*place) for place in view] for view in views]
    places = np.full((setting.frames, 2, 3), np.nan, np.float32)
    cameras = np.zeros(setting.frames, np.int64)
    start, camera = 0, 0
    while start < setting.frames:
        end = start + max(1, round(float(setting.rng.uniform(1.5, 4.0)) * setting.rate))
        cameras[start:end] = camera
        for person, course in enumerate(courses[camera]):
            if course is not None:
                places[start:end, person] = course[start:end]
        start, camera = end, (camera + int(setting.rng.integers(1, 4))) % 4
    return _Plan(_guests(setting, seed, 2), places, rooms, cameras, {})


CLIPS: Mapping[str, Callable[[_Setting, int], _Plan]] = {
    "one": _one,
    "crossing": _crossing,
    "leaving": _leaving,
    "cut": _cut,
    "sizes": _sizes,
    "poster": _poster,
    "similar": _similar,
}
"""Kind of clip -> how it is planned."""
