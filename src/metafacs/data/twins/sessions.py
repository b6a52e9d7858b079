"""What people do before a laboratory's camera: which action units, how often, how they rise and fall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.activations import LEVEL_THRESHOLDS
from metafacs.synthesis.expressions import sample_asymmetry
from metafacs.synthesis.noise import value_noise

Course = NDArray[np.float32]

_PRESENT = LEVEL_THRESHOLDS[1]
_ALIKENESS = 6.0
"""Sum of the parameters of the beta distribution of people's shares; the smaller, the more people differ."""


@dataclass(frozen=True)
class Moment:
    """A stretch of a session that moves everybody who lives through it: a scene of a film, a joke.

    Attributes:
        start: Share of the session before it.
        end: Share of the session until its end.
        aus: The action units that it brings.
    """

    start: float
    end: float
    aus: tuple[int, ...]


@dataclass(frozen=True)
class Programme:
    """What a session is about.

    Attributes:
        elicits: What people feel or do.
        rates: AU -> share of frames in which people show it at level B or above.
        gaze: Mean horizontal aversion (either side) and mean vertical gaze.
        nod: Mean pitch of the head in radians, positive downward.
        moments: What moves people, and when; empty for one emotion that comes in waves of each person's own.
        spontaneity: Share of an AU's course that is the person's own fluctuation and no reaction.
        hinted: Smallest share of frames in which an AU is shown; below it, it is only hinted at.
        restlessness: Standard deviations of yaw, pitch and roll in radians.
        sway: Standard deviations of the head's place (in face extents) and of its relative size, for videos
            whose frames follow each other; 0 for stills that jitter on their own.
    """

    elicits: str
    rates: Mapping[int, float]
    gaze: tuple[float, float] = (0.05, 0.0)
    nod: float = 0.0
    moments: tuple[Moment, ...] = ()
    spontaneity: float = 0.35
    hinted: float = 0.03
    restlessness: tuple[float, float, float] = (0.07, 0.05, 0.035)
    sway: float = 0.0


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
    """The course of one session of one person.

    Attributes:
        intensities: AU -> intensity per frame, shape (frames,), 0..1; conflicts are not resolved.
        gaze: Horizontal and vertical gaze per frame, shape (frames, 2).
        pose: Yaw, pitch and roll per frame in radians, shape (frames, 3).
        asymmetry: AU -> left and right multipliers, 0..1.
        framing: Shift to the right and upward in face extents and factor on the picture's span, shape
            (frames, 3); None where each frame is framed on its own.
    """

    intensities: Mapping[int, Course]
    gaze: Course
    pose: Course
    asymmetry: Mapping[int, tuple[float, float]]
    framing: Course | None = None


def sample_person(rng: np.random.Generator, aus: Iterable[int]) -> Person:
    """Return how one person expresses emotion.

    Args:
        rng: Random generator.
        aus: The action units of the person's sessions.
    """
    numbers = sorted(set(aus))
    return Person(
        tendencies={au: float(rng.normal(0, 0.5)) for au in numbers},
        gains={au: float(rng.uniform(0.7, 1.15)) for au in numbers},
        composure=float(rng.normal(0, 0.2)),
    )


def share_out(
    rng: np.random.Generator, rates: Mapping[int, float], people: Sequence[Person]
) -> list[dict[int, float]]:
    """Return in which share of one session each person shows each AU, so that the rates come out.

    Where everybody has one session, independent draws would leave the rates to chance. The people take
    evenly spaced quantiles of a beta distribution instead, the more expressive ones the higher.

    Args:
        rng: Random generator.
        rates: AU -> mean share of frames.
        people: Everybody.

    Returns:
        One mapping AU -> share per person.
    """
    shares: list[dict[int, float]] = [{} for _ in people]
    for au, rate in sorted(rates.items()):
        draws = rng.beta(rate * _ALIKENESS, (1 - rate) * _ALIKENESS, 4096)
        inclined = [person.tendencies[au] + person.composure + rng.normal(0, 0.3) for person in people]
        places = np.argsort(np.argsort(inclined))
        for own, quantile in zip(
            shares, (places + rng.uniform(0.3, 0.7, len(people))) / len(people), strict=True
        ):
            own[au] = float(np.quantile(draws, quantile))
    return shares


def sample_session(
    rng: np.random.Generator,
    programme: Programme,
    person: Person,
    frames: int,
    *,
    frames_per_second: int = 25,
    shares: Mapping[int, float] | None = None,
) -> Session:
    """Return how a person goes through a session.

    An emotional drive rises fast and fades slowly, a few times per session. An AU appears where its own
    mixture of that drive and of independent fluctuation is highest, so its onset, apex and offset follow
    the emotion with a lag of its own, and it passes through level A before and after it is present.

    Args:
        rng: Random generator.
        programme: What the session is about.
        person: Who.
        frames: Length in frames.
        frames_per_second: Of the camera.
        shares: AU -> share of the frames that show it, see :func:`share_out`; drawn about the programme's
            rates and the person's tendencies when None.

    Returns:
        The session.

    Raises:
        ValueError: If there are no frames.
    """
    if frames < 1:
        raise ValueError(f"a session has at least one frame, not {frames}")
    clock = _Clock(frames, frames_per_second)
    drive, drives = _drives(rng, programme, clock)
    intensities = {}
    for au, rate in sorted(programme.rates.items()):
        own = clock.fluctuation(rng, 1.2)
        mixture = (1 - programme.spontaneity) * drives[au] + programme.spontaneity * own
        share = (
            _session_share(rng, rate, person.tendencies[au] + person.composure)
            if shares is None
            else shares[au]
        )
        intensities[au] = _course(rng, mixture, share, person.gains[au], programme.hinted)
    _add_blinks(rng, intensities, clock)
    side = 1.0 if rng.random() < 0.5 else -1.0
    horizontal = side * programme.gaze[0] + 0.10 * clock.fluctuation(rng, 1.5)
    vertical = programme.gaze[1] * drive / max(float(drive.max()), 1e-6) + 0.07 * clock.fluctuation(rng, 1.5)
    yaw, pitch, roll = (
        deviation * clock.fluctuation(rng, 2.5) + float(rng.normal(0, deviation / 2))
        for deviation in programme.restlessness
    )
    return Session(
        intensities=intensities,
        gaze=np.clip(np.stack([horizontal, vertical], 1), -0.8, 0.8).astype(np.float32),
        pose=np.stack([yaw, pitch + np.float32(programme.nod), roll], 1).astype(np.float32),
        asymmetry=sample_asymmetry(rng, dict.fromkeys(intensities, 1.0)),
        framing=_sway(rng, programme.sway, clock) if programme.sway else None,
    )


@dataclass(frozen=True)
class _Clock:
    frames: int
    per_second: int

    def fluctuation(self, rng: np.random.Generator, seconds: float) -> Course:
        """Return a smooth random course, deviation about 0.8, that changes within some seconds."""
        return value_noise(rng, (1, self.frames), 1.0, seconds * self.per_second)[0]

    def wave(self, onset: float, rise: float, apex: float, fade: float) -> Course:
        """Return a course that rises to 1 at a frame, stays there and fades; all lengths in frames."""
        t = np.arange(self.frames, dtype=np.float32)
        up, down = np.clip((t - onset) / rise, 0, 1), np.clip((onset + rise + apex + fade - t) / fade, 0, 1)
        return np.asarray(up * down, np.float32)


def _drives(
    rng: np.random.Generator, programme: Programme, clock: _Clock
) -> tuple[Course, dict[int, Course]]:
    """Return how moved a person is over the session, and how far each AU is: by its own moments, if any."""
    if not programme.moments:
        drive = _emotional_drive(rng, clock)
        return drive, dict.fromkeys(programme.rates, drive)
    waves = [_reaction(rng, moment, clock) for moment in programme.moments]
    silence = np.zeros(clock.frames, np.float32)
    drives = {
        au: np.max([silence, *(w for m, w in zip(programme.moments, waves, strict=True) if au in m.aus)], 0)
        for au in programme.rates
    }
    return np.max(waves, 0), drives


def _emotional_drive(rng: np.random.Generator, clock: _Clock) -> Course:
    """Return a course of 1 to 5 waves, each rising within a second and fading over several."""
    drive = np.zeros(clock.frames, np.float32)
    for _ in range(int(np.clip(1 + rng.poisson(1.5), 1, 5))):
        onset = rng.uniform(-0.1, 0.85) * clock.frames
        rise = rng.uniform(0.3, 1.2) * clock.per_second
        apex = rng.uniform(0.1, 0.5) * clock.frames
        fade = rng.uniform(0.6, 3.0) * clock.per_second
        drive = np.maximum(drive, np.float32(rng.uniform(0.5, 1.0)) * clock.wave(onset, rise, apex, fade))
    return drive + 0.12 * clock.fluctuation(rng, 1.0)


def _reaction(rng: np.random.Generator, moment: Moment, clock: _Clock) -> Course:
    """Return one wave within a moment; one in five moments leaves a person nearly cold."""
    length = (moment.end - moment.start) * clock.frames
    onset = moment.start * clock.frames + rng.uniform(0.05, 0.5) * length
    rise, fade = rng.uniform(0.3, 1.2) * clock.per_second, rng.uniform(0.6, 3.0) * clock.per_second
    apex = rng.uniform(0.1, 0.45) * length
    height = rng.uniform(0.5, 1.0) if rng.random() < 0.8 else rng.uniform(0.0, 0.25)
    return np.float32(height) * clock.wave(onset, rise, apex, fade)


def _session_share(rng: np.random.Generator, rate: float, shift: float) -> float:
    """Return the share of a session's frames with the AU: all-or-nothing tempers around the shifted rate."""
    odds = rate / (1 - rate) * np.exp(shift)
    mean = float(odds / (1 + odds))
    concentration = 2.0
    return float(rng.beta(max(mean * concentration, 0.02), max((1 - mean) * concentration, 0.02)))


def _course(rng: np.random.Generator, mixture: Course, share: float, gain: float, hinted: float) -> Course:
    """Return the intensity of one AU that is present (level B) in ``share`` of the frames."""
    apex = float(np.clip(rng.uniform(0.32, 1.0) * gain, 0.27, 1.0))
    if share < hinted:
        # Not shown, but often hinted at: a hard negative.
        apex, share = float(rng.uniform(0.0, 0.9)) * _PRESENT, 0.3
        excess = (mixture - np.quantile(mixture, 1 - share)) / 0.3
        return np.clip(apex * np.clip(excess, 0, 1), 0, 1).astype(np.float32)
    excess = (mixture - np.quantile(mixture, 1 - share)) / 0.3
    above = _PRESENT + (apex - _PRESENT) * np.clip(excess, 0, 1)
    below = _PRESENT * np.clip(1 + 1.5 * excess, 0, 1)
    return np.where(excess >= 0, above, below).astype(np.float32)


def _add_blinks(rng: np.random.Generator, intensities: dict[int, Course], clock: _Clock) -> None:
    """Close the eyes for a few frames about every four seconds."""
    blink = np.zeros(clock.frames, np.float32)
    for start in np.nonzero(rng.random(clock.frames) < 1 / (4 * clock.per_second))[0]:
        for step, closure in enumerate((0.5, 1.0, 0.9, 0.4)):
            if start + step < clock.frames:
                blink[start + step] = closure
    intensities[45] = blink


def _sway(rng: np.random.Generator, deviation: float, clock: _Clock) -> Course:
    """Return how a sitting person drifts before a camera that stands still."""
    right, up, nearer = (deviation * clock.fluctuation(rng, seconds) for seconds in (4.0, 5.0, 7.0))
    return np.stack([right, 0.02 + 0.5 * up, 1 + nearer], 1).astype(np.float32)
