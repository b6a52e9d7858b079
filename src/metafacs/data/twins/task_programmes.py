"""What people do during the eight tasks of BP4D: which action units, how often, how they rise and fall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.activations import LEVEL_THRESHOLDS
from metafacs.synthesis.noise import value_noise

Course = NDArray[np.float32]


@dataclass(frozen=True)
class TaskProgramme:
    """One task of the protocol.

    Attributes:
        emotion: What the task elicits.
        rates: AU -> share of frames in which people show it at level B or above.
        gaze: Mean horizontal aversion (either side) and mean vertical gaze.
        nod: Mean pitch of the head in radians, positive downward.
    """

    emotion: str
    rates: Mapping[int, float]
    gaze: tuple[float, float] = (0.05, 0.0)
    nod: float = 0.0


TASK_PROGRAMMES: dict[str, TaskProgramme] = {
    "T1": TaskProgramme(
        "happiness",
        {
            **{1: 0.12, 2: 0.12, 4: 0.05, 6: 0.80, 7: 0.63, 10: 0.84, 12: 0.96, 14: 0.50, 15: 0.08, 17: 0.15},
            **{23: 0.10, 24: 0.08, 5: 0.03, 25: 0.60, 26: 0.22, 11: 0.05, 22: 0.02},
        },
    ),
    "T2": TaskProgramme(
        "sadness",
        {
            **{1: 0.40, 2: 0.22, 4: 0.36, 6: 0.12, 7: 0.33, 10: 0.30, 12: 0.18, 14: 0.40, 15: 0.44, 17: 0.52},
            **{23: 0.25, 24: 0.40, 11: 0.10, 18: 0.05, 25: 0.15, 43: 0.02, 28: 0.03},
        },
        gaze=(0.1, -0.3),
        nod=0.06,
    ),
    "T3": TaskProgramme(
        "surprise",
        {
            **{1: 0.35, 2: 0.32, 4: 0.08, 6: 0.48, 7: 0.43, 10: 0.61, 12: 0.73, 14: 0.35, 15: 0.08, 17: 0.20},
            **{23: 0.13, 24: 0.13, 5: 0.14, 25: 0.50, 26: 0.28, 27: 0.05, 22: 0.02},
        },
        nod=-0.03,
    ),
    "T4": TaskProgramme(
        "embarrassment",
        {
            **{1: 0.15, 2: 0.14, 4: 0.05, 6: 0.73, 7: 0.63, 10: 0.78, 12: 0.93, 14: 0.65, 15: 0.16, 17: 0.30},
            **{23: 0.23, 24: 0.26, 11: 0.06, 18: 0.04, 25: 0.45, 26: 0.10, 28: 0.03},
        },
        gaze=(0.35, -0.3),
        nod=0.08,
    ),
    "T5": TaskProgramme(
        "fear",
        {
            **{1: 0.25, 2: 0.20, 4: 0.16, 6: 0.38, 7: 0.48, 10: 0.56, 12: 0.58, 14: 0.45, 15: 0.14, 17: 0.31},
            **{23: 0.19, 24: 0.26, 5: 0.10, 20: 0.12, 25: 0.40, 26: 0.15, 18: 0.03},
        },
    ),
    "T6": TaskProgramme(
        "pain",
        {
            **{1: 0.15, 2: 0.10, 4: 0.30, 6: 0.58, 7: 0.73, 10: 0.68, 12: 0.57, 14: 0.40, 15: 0.18, 17: 0.41},
            **{23: 0.24, 24: 0.25, 9: 0.14, 20: 0.07, 43: 0.05, 25: 0.40, 26: 0.10, 16: 0.05},
        },
        gaze=(0.1, -0.1),
    ),
    "T7": TaskProgramme(
        "anger",
        {
            **{1: 0.12, 2: 0.14, 4: 0.26, 6: 0.25, 7: 0.54, 10: 0.44, 12: 0.47, 14: 0.60, 15: 0.24, 17: 0.46},
            **{23: 0.35, 24: 0.42, 5: 0.05, 16: 0.05, 18: 0.04, 22: 0.04, 25: 0.25, 26: 0.06},
        },
        nod=0.03,
    ),
    "T8": TaskProgramme(
        "disgust",
        {
            **{1: 0.15, 2: 0.12, 4: 0.30, 6: 0.43, 7: 0.63, 10: 0.76, 12: 0.53, 14: 0.40, 15: 0.29, 17: 0.46},
            **{23: 0.22, 24: 0.22, 9: 0.32, 11: 0.08, 16: 0.08, 25: 0.35, 26: 0.08, 20: 0.04},
        },
        gaze=(0.15, 0.0),
        nod=-0.03,
    ),
}
"""Task -> programme. The shares average to about the published rates of BP4D's twelve AUs."""

_PRESENT = LEVEL_THRESHOLDS[1]
_FRAMES_PER_SECOND = 25


@dataclass(frozen=True)
class Person:
    """How one person expresses emotion.

    Attributes:
        tendencies: AU -> shift of the log-odds of showing it.
        gains: AU -> factor on its intensity.
        composure: Shift of the log-odds of showing anything.
    """

    tendencies: Mapping[int, float]
    gains: Mapping[int, float]
    composure: float


@dataclass(frozen=True)
class Session:
    """The course of one task of one person.

    Attributes:
        intensities: AU -> intensity per frame, shape (frames,), 0..1; conflicts are not resolved.
        gaze: Horizontal and vertical gaze per frame, shape (frames, 2).
        pose: Yaw, pitch and roll per frame in radians, shape (frames, 3).
    """

    intensities: Mapping[int, Course]
    gaze: Course
    pose: Course


def sample_person(rng: np.random.Generator) -> Person:
    """Return how one person expresses emotion."""
    aus = sorted({au for programme in TASK_PROGRAMMES.values() for au in programme.rates})
    return Person(
        tendencies={au: float(rng.normal(0, 0.5)) for au in aus},
        gains={au: float(rng.uniform(0.7, 1.15)) for au in aus},
        composure=float(rng.normal(0, 0.2)),
    )


def sample_session(
    rng: np.random.Generator, programme: TaskProgramme, person: Person, frames: int
) -> Session:
    """Return how a person goes through a task.

    An emotional drive rises fast and fades slowly, a few times per session. An AU appears where its own
    mixture of that drive and of independent fluctuation is highest, so its onset, apex and offset follow
    the emotion with a lag of its own, and it passes through level A before and after it is present.

    Args:
        rng: Source of randomness.
        programme: The task.
        person: Who.
        frames: Length in frames at 25 per second.

    Returns:
        The session.

    Raises:
        ValueError: If there are no frames.
    """
    if frames < 1:
        raise ValueError(f"a session has at least one frame, not {frames}")
    drive = _emotional_drive(rng, frames)
    intensities = {}
    for au, rate in sorted(programme.rates.items()):
        own = _fluctuation(rng, frames, 1.2)
        mixture = 0.65 * drive + 0.35 * own
        share = _session_share(rng, rate, person.tendencies[au] + person.composure)
        intensities[au] = _course(rng, mixture, share, person.gains[au])
    _add_blinks(rng, intensities, frames)
    side = 1.0 if rng.random() < 0.5 else -1.0
    horizontal = side * programme.gaze[0] + 0.10 * _fluctuation(rng, frames, 1.5)
    vertical = programme.gaze[1] * drive / max(float(drive.max()), 1e-6) + 0.07 * _fluctuation(
        rng, frames, 1.5
    )
    yaw, pitch, roll = (
        deviation * _fluctuation(rng, frames, 2.5) + float(rng.normal(0, deviation / 2))
        for deviation in (0.07, 0.05, 0.035)
    )
    return Session(
        intensities=intensities,
        gaze=np.clip(np.stack([horizontal, vertical], 1), -0.8, 0.8).astype(np.float32),
        pose=np.stack([yaw, pitch + np.float32(programme.nod), roll], 1).astype(np.float32),
    )


def _emotional_drive(rng: np.random.Generator, frames: int) -> Course:
    """Return a course of 1 to 5 waves, each rising within a second and fading over several."""
    t = np.arange(frames, dtype=np.float32)
    drive = np.zeros(frames, np.float32)
    for _ in range(int(np.clip(1 + rng.poisson(1.5), 1, 5))):
        onset = rng.uniform(-0.1, 0.85) * frames
        rise = rng.uniform(0.3, 1.2) * _FRAMES_PER_SECOND
        apex = rng.uniform(0.1, 0.5) * frames
        fade = rng.uniform(0.6, 3.0) * _FRAMES_PER_SECOND
        wave = np.clip((t - onset) / rise, 0, 1) * np.clip((onset + rise + apex + fade - t) / fade, 0, 1)
        drive = np.maximum(drive, np.float32(rng.uniform(0.5, 1.0)) * wave.astype(np.float32))
    return drive + 0.12 * _fluctuation(rng, frames, 1.0)


def _fluctuation(rng: np.random.Generator, frames: int, seconds: float) -> Course:
    """Return a smooth random course, standard deviation about 0.8, that changes within some seconds."""
    return value_noise(rng, (1, frames), 1.0, seconds * _FRAMES_PER_SECOND)[0]


def _session_share(rng: np.random.Generator, rate: float, shift: float) -> float:
    """Return the share of a session's frames with the AU: all-or-nothing tempers around the shifted rate."""
    odds = rate / (1 - rate) * np.exp(shift)
    mean = float(odds / (1 + odds))
    concentration = 2.0
    return float(rng.beta(max(mean * concentration, 0.02), max((1 - mean) * concentration, 0.02)))


def _course(rng: np.random.Generator, mixture: Course, share: float, gain: float) -> Course:
    """Return the intensity of one AU that is present (level B) in ``share`` of the frames."""
    apex = float(np.clip(rng.uniform(0.32, 1.0) * gain, 0.27, 1.0))
    if share < 0.03:
        # Not shown, but often hinted at: a hard negative.
        apex, share = float(rng.uniform(0.0, 0.9)) * _PRESENT, 0.3
        excess = (mixture - np.quantile(mixture, 1 - share)) / 0.3
        return np.clip(apex * np.clip(excess, 0, 1), 0, 1).astype(np.float32)
    excess = (mixture - np.quantile(mixture, 1 - share)) / 0.3
    above = _PRESENT + (apex - _PRESENT) * np.clip(excess, 0, 1)
    below = _PRESENT * np.clip(1 + 1.5 * excess, 0, 1)
    return np.where(excess >= 0, above, below).astype(np.float32)


def _add_blinks(rng: np.random.Generator, intensities: dict[int, Course], frames: int) -> None:
    """Close the eyes for a few frames about every four seconds."""
    blink = np.zeros(frames, np.float32)
    for start in np.nonzero(rng.random(frames) < 1 / (4 * _FRAMES_PER_SECOND))[0]:
        for step, closure in enumerate((0.5, 1.0, 0.9, 0.4)):
            if start + step < frames:
                blink[start + step] = closure
    intensities[45] = blink
