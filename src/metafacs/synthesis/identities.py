"""Who is in the picture: everything that stays the same over all pictures of one person."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from metafacs.synthesis.activations import RENDERED_AUS
from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.wrinkles import AMPLITUDES

HAIR_STYLES: tuple[str, ...] = ("bald", "short", "mid", "long")

GREY_HAIR = 5
"""Index of the grey hair tone in `skin.HAIR_TONES`."""


@dataclass(frozen=True)
class Identity:
    """One synthetic person.

    Attributes:
        pool: Name of the pool the person belongs to.
        seed: Number of the person in the pool; pool and seed fix everything.
        ancestry: Shares of African, Asian and European shape targets.
        masculinity: 0 female ... 1 male.
        age: -0.25 adolescent, 0 young adult, 1 old.
        muscle: 0..1.
        weight: 0..1.
        shape: Local feature target -> weight.
        resting: Face unit -> weight at rest. These shapes look a little like action units and are
            not labelled: a real resting face is not a blank one.
        resting_wrinkles: AU -> strength of its wrinkles at rest.
        melanin: 0 very fair ... 1 very dark.
        hair_tone: Index into `skin.HAIR_TONES`.
        hair_style: One of :data:`HAIR_STYLES`.
        hairline: Shift of the hairline upward in face units.
        fringe: How far hair falls over the forehead, 0..1.
        curl: 0 straight ... 1 tightly curled.
        hair_volume: Factor on the thickness of the hair.
        beard: 0 shaven ... 1 full.
        brow_thickness: Factor, about 1.
        brow_arch: Height of the brow's arch in face units.
        brow_height: Shift of the brow upward in face units.
        brow_density: 0..1.
        iris: Index into `skin.IRIS_COLOURS`.
        makeup: 0 none ... 1 strong.
        gains: AU -> how far the face moves at intensity 1.
        wrinkle_strength: Factor on the depth of expression wrinkles.
    """

    pool: str
    seed: int
    ancestry: tuple[float, float, float]
    masculinity: float
    age: float
    muscle: float
    weight: float
    shape: Mapping[str, float]
    resting: Mapping[str, float]
    resting_wrinkles: Mapping[int, float]
    melanin: float
    hair_tone: int
    hair_style: str
    hairline: float
    fringe: float
    curl: float
    hair_volume: float
    beard: float
    brow_thickness: float
    brow_arch: float
    brow_height: float
    brow_density: float
    iris: int
    makeup: float
    gains: Mapping[int, float]
    wrinkle_strength: float

    def generator(self, purpose: str) -> np.random.Generator:
        """Return a random generator that depends on the person and on what it is used for."""
        return _generator(self.pool, self.seed, purpose)


def sample_identity(
    seed: int, *, pool: str = "default", sex: Literal["female", "male"] | None = None
) -> Identity:
    """Return person number ``seed`` of a pool.

    Args:
        seed: Number of the person, 0 or more.
        pool: People of different pools are drawn from independent streams, so no two pools share a person.
        sex: Restrict the person to one sex; drawn by default.

    Returns:
        The person; the same arguments always give the same one.

    Raises:
        ValueError: If the seed is negative or the sex unknown.
    """
    if seed < 0:
        raise ValueError(f"the identity seed is {seed}; it must be 0 or more")
    if sex not in (None, "female", "male"):
        raise ValueError(f"the sex is {sex!r}; choose 'female', 'male' or None")
    rng = _generator(pool, seed, "identity")
    african, asian, european = (float(share) for share in rng.dirichlet([0.35] * 3))
    masculinity = float(rng.beta(0.35, 0.35))
    if sex == "female":
        masculinity = min(masculinity, 1 - masculinity)
    elif sex == "male":
        masculinity = max(masculinity, 1 - masculinity)
    male = masculinity > 0.5
    age = float(np.clip(rng.normal(0.15, 0.45), -0.25, 1))
    melanin = african * 0.75 + asian * 0.20 + european * 0.06 + rng.normal(0, 0.10)
    hair_style = str(
        rng.choice(("bald", "short", "short", "mid") if male else ("long", "long", "mid", "short"))
    )
    return Identity(
        pool=pool,
        seed=seed,
        ancestry=(african, asian, european),
        masculinity=masculinity,
        age=age,
        muscle=float(rng.uniform(0.3, 0.8)),
        weight=float(np.clip(rng.normal(0.5, 0.22), 0.05, 0.95)),
        shape=_sample_shape(rng),
        resting=_sample_resting(rng),
        resting_wrinkles=_sample_resting_wrinkles(rng, age),
        melanin=float(np.clip(melanin, 0.0, 0.95)),
        hair_tone=_sample_hair_tone(rng, european, age),
        hair_style=hair_style,
        hairline=float(rng.normal(0, 0.05) + (0.12 * max(age, 0) if male else 0)),
        fringe=float(rng.uniform(0.4, 1)) if hair_style != "bald" and rng.random() < 0.18 else 0.0,
        curl=float(np.clip(african * rng.uniform(0.5, 1.2) + 0.25 * rng.random(), 0, 1)),
        hair_volume=float(rng.uniform(0.7, 1.3)),
        beard=float(np.clip(rng.normal(0.15, 0.5), 0, 1)) if masculinity > 0.6 and age > -0.1 else 0.0,
        brow_thickness=float(rng.uniform(0.7, 1.3) * (1.1 if male else 0.92)),
        brow_arch=float(rng.uniform(0.0, 0.08)),
        brow_height=float(rng.normal(0, 0.018)),
        brow_density=float(rng.uniform(0.55, 1.0)),
        iris=int(rng.choice(4, p=(0.45, 0.2, 0.2, 0.15))) if european > 0.5 else 0,
        makeup=float(np.clip(rng.normal(0.1, 0.5), 0, 1)) if masculinity < 0.4 else 0.0,
        gains={**{au: float(rng.uniform(0.8, 1.15)) for au in RENDERED_AUS}, 43: 1.0, 45: 1.0},
        wrinkle_strength=float(rng.uniform(0.5, 1.1) + 0.5 * max(age, 0)),
    )


def find_identity(
    first: int,
    *,
    pool: str,
    sex: Literal["female", "male"],
    ages: tuple[float, float],
    ancestry: int | None = None,
) -> Identity:
    """Return the first person of a pool from number ``first`` on who fits.

    Args:
        first: Number at which the search begins.
        pool: Pool of identities.
        sex: The person's sex.
        ages: Least and greatest age, see `Identity`.
        ancestry: Which of the three shares of `Identity.ancestry` is the largest; None = any.
    """
    number = first
    while True:
        identity = sample_identity(number, pool=pool, sex=sex)
        if ages[0] <= identity.age <= ages[1] and ancestry in (None, int(np.argmax(identity.ancestry))):
            return identity
        number += 1


def _generator(pool: str, seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(pool.encode()), seed, zlib.crc32(purpose.encode())])


_WHOLE_HEAD = ("square", "triangular", "diamond", "invertedtriangular", "rectangular")
_LEFT_OUT = {
    *(f"head-{form}" for form in (*_WHOLE_HEAD, "angle-in", "angle-out", "trans-in", "trans-out")),
    *(f"{part}-trans-{way}" for part in ("mouth", "nose") for way in ("in", "out")),
    *("head-age-incr", "head-age-decr"),
}


@cache
def _feature_names() -> tuple[str, ...]:
    """Names of the local features; those with a left and a right target appear once, without the prefix."""
    names = {
        name.removeprefix("l-").removeprefix("r-")
        for name in load_face_model().shapes
        if not name.startswith(("asym", "l-ear", "r-ear")) and name not in _LEFT_OUT
    }
    return tuple(sorted(names))


def _sample_shape(rng: np.random.Generator) -> dict[str, float]:
    targets = load_face_model().shapes
    shape: dict[str, float] = {}
    for name in rng.permutation(_feature_names())[:55]:
        weight = float(min(abs(rng.normal(0, 0.33)), 0.9))
        sides = (f"l-{name}", f"r-{name}")
        shape.update(dict.fromkeys(sides if sides[0] in targets else (str(name),), weight))
    asymmetries = sorted(name for name in targets if name.startswith("asym"))
    for name in rng.permutation(asymmetries)[:10]:
        shape[str(name)] = float(abs(rng.normal(0, 0.35)))
    return shape


_RESTING: dict[str, tuple[float, float, float, float]] = {
    "mouthPress": (0.06, 0.14, -0.1, 0.4),
    "mouthStretch": (0.0, 0.10, -0.2, 0.3),
    "mouthDimple": (0.02, 0.10, 0.0, 0.3),
    "browDown": (0.04, 0.22, -0.4, 0.5),
    "browOuterUp": (0.0, 0.16, -0.35, 0.4),
    "eyeSquint": (0.06, 0.14, 0.0, 0.4),
    "eyeBlink": (0.02, 0.06, 0.0, 0.18),
    "eyeWide": (0.0, 0.12, -0.25, 0.25),
    "cheekSquint": (0.0, 0.12, 0.0, 0.3),
    "noseSneer": (0.0, 0.08, 0.0, 0.25),
    "browInnerUp": (0.0, 0.20, -0.4, 0.5),
    "mouthRollUpper": (0.04, 0.14, 0.0, 0.4),
    "mouthRollLower": (0.02, 0.14, 0.0, 0.4),
    "mouthShrugLower": (0.04, 0.12, 0.0, 0.35),
    "mouthPucker": (0.0, 0.08, 0.0, 0.2),
}
"""Face unit -> mean, standard deviation, least and greatest weight at rest."""


def _sample_resting(rng: np.random.Generator) -> dict[str, float]:
    units = load_face_model().units
    drawn = {
        unit: float(np.clip(rng.normal(mean, deviation), low, high))
        for unit, (mean, deviation, low, high) in _RESTING.items()
    }
    corners = float(np.clip(rng.normal(0.02, 0.17), -0.35, 0.4))  # downward at rest is positive
    drawn["mouthFrown"], drawn["mouthSmile"] = max(corners, 0.0), 0.5 * max(-corners, 0.0)
    resting: dict[str, float] = {}
    for unit, weight in drawn.items():
        if unit in units:
            resting[unit] = weight
        else:
            tilt = float(rng.normal(0, 0.12))
            resting[f"{unit}Left"], resting[f"{unit}Right"] = weight * (1 + tilt), weight * (1 - tilt)
    return resting


def _sample_resting_wrinkles(rng: np.random.Generator, age: float) -> dict[int, float]:
    chance = 0.12 + 0.25 * max(age, 0.0)
    strength = {au: float(rng.uniform(0.15, 0.45 + 0.3 * max(age, 0.0))) for au in AMPLITUDES}
    return {
        au: value for au, value in strength.items() if au not in (17, 20, 23, 24) and rng.random() < chance
    }


def _sample_hair_tone(rng: np.random.Generator, european: float, age: float) -> int:
    tone = int(
        rng.choice(5, p=(0.45, 0.25, 0.12, 0.08, 0.1)) if european > 0.5 else rng.choice(2, p=(0.75, 0.25))
    )
    return GREY_HAIR if age > 0.6 and rng.random() < 0.7 else tone
