"""From a set of action units to a display that shows exactly these, on one person's face."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.activations import CONFLICTS, LEVEL_THRESHOLDS, PRESENCE_LEVEL, Activation, is_present
from metafacs.synthesis.closure import foreseen_action_units
from metafacs.synthesis.expressions import ASYMMETRIC_AUS, TRACE_LIMIT, complete_display
from metafacs.synthesis.identities import Identity

PARTING_AUS: tuple[int, ...] = (16, 22, 26, 27)
"""AUs that come with AU25 only: from level B on they part the lips."""

EXCLUSIVE_PAIRS: tuple[tuple[int, int], ...] = (*CONFLICTS, (7, 43))
"""AUs that no picture shows both of: they conflict, or closed lids hide the tension of the lids."""

_PRESENT = LEVEL_THRESHOLDS[PRESENCE_LEVEL - 1]
_FAINTEST = _PRESENT + 0.01
_LEAST = {27: 0.5, 43: 0.55}  # a jaw less open is AU26, lids less shut still show their tension
_LIFTING_AUS = (10, 11)
_ATTEMPTS = 80
_STEP = 0.1


def possible_together(aus: Collection[int]) -> bool:
    """Return whether one face can show these action units and no others.

    >>> possible_together({12, 25, 26}), possible_together({12, 26}), possible_together({12, 15})
    (True, False, False)
    """
    shown = set(aus)
    return not (
        any(a in shown and b in shown for a, b in EXCLUSIVE_PAIRS)
        or (shown.intersection(PARTING_AUS) and 25 not in shown)
    )


def sample_exact_display(
    rng: np.random.Generator,
    aus: Collection[int],
    identity: Identity,
    resting: NDArray[np.float32],
    *,
    strength: tuple[float, float] = (0.35, 1.0),
    gaze_deviation: tuple[float, float] = (0.1, 0.07),
    traces: float = 1.5,
    one_sided: float = 0.0,
) -> Activation:
    """Return a display of which exactly the given action units are true, as one person shows it.

    Whether lips are parted depends on the person and on all action units of the mouth together, so displays
    are drawn and their labels foreseen until they fit; after each miss the lips are drawn a little more
    open, or more shut by weaker lifting and a trace of the chin raiser.

    Args:
        rng: Random generator.
        aus: The action units; all others stay below level B.
        identity: Who shows them.
        resting: The person's head at rest, shape (vertex, 3).
        strength: Range of the display's strength; its AUs scatter about it by a quarter.
        gaze_deviation: Standard deviations of the horizontal and vertical gaze.
        traces: Mean number of further AUs shown below level B.
        one_sided: Probability that one of the AUs is shown on one side of the face only.

    Returns:
        The activation.

    Raises:
        ValueError: If no face can show these action units together, or this person's does not.
    """
    if not possible_together(aus):
        raise ValueError(f"no face shows the action units {sorted(aus)} and no others")
    wanted = set(aus)
    opening = 0.0
    for _ in range(_ATTEMPTS):
        intensities = _intensities(rng, sorted(wanted), float(rng.uniform(*strength)), opening)
        if opening < 0 and 17 not in wanted:
            intensities[17] = -opening * TRACE_LIMIT
        activation = complete_display(rng, intensities, gaze_deviation, traces * (1 - abs(opening)))
        if rng.random() < one_sided:
            activation = _show_one_side(rng, activation)
        shown = {
            au for au, x in foreseen_action_units(identity, resting, activation).items() if is_present(x)
        }
        if shown == wanted:
            return activation
        opening = float(np.clip(opening + (_STEP if 25 in wanted else -_STEP), -1, 1))
    raise ValueError(
        f"person {identity.seed} of pool {identity.pool!r} cannot show the action units {sorted(wanted)} and "
        "no others; give this display to another person"
    )


def _intensities(
    rng: np.random.Generator, aus: Collection[int], strength: float, opening: float
) -> dict[int, float]:
    """Return intensities from level B on; ``opening`` -1 shuts the lips as far as possible, 1 opens them."""
    drawn = {}
    for au in aus:
        x = max(strength * float(rng.uniform(0.75, 1.25)), _LEAST.get(au, _FAINTEST))
        if au == 25:
            x += opening * (1 - x)
        elif au == 17:
            x -= opening * ((x - _FAINTEST) if opening > 0 else (1 - x))
        elif au in _LIFTING_AUS and opening < 0:
            x += opening * (x - _FAINTEST)
        drawn[au] = min(x, 1.0)
    return drawn


def _show_one_side(rng: np.random.Generator, activation: Activation) -> Activation:
    """Return the activation with one of its present AUs below level B on either the left or the right."""
    candidates = [au for au in ASYMMETRIC_AUS if is_present(activation.intensities.get(au, 0.0))]
    if not candidates:
        return activation
    au = candidates[int(rng.integers(len(candidates)))]
    weaker = float(rng.uniform(0.0, TRACE_LIMIT)) / activation.intensities[au]
    sides = (1.0, weaker) if rng.random() < 0.5 else (weaker, 1.0)
    return Activation(activation.intensities, {**activation.asymmetry, au: sides}, activation.gaze)
