"""Facial Action Coding System vocabulary: action units by FACS number, expressions by name.

Everything in the project addresses an action unit (AU) by its FACS number, never by a column position.
"""

from __future__ import annotations

from collections.abc import Iterable

HIGHEST_INTENSITY = 5
"""Level E, the most; 0 is absent and 1 level A."""

AU_NAMES: dict[int, str] = {
    1: "Inner brow raiser",
    2: "Outer brow raiser",
    4: "Brow lowerer",
    5: "Upper lid raiser",
    6: "Cheek raiser",
    7: "Lid tightener",
    8: "Lips toward each other",
    9: "Nose wrinkler",
    10: "Upper lip raiser",
    11: "Nasolabial deepener",
    12: "Lip corner puller",
    13: "Sharp lip puller",
    14: "Dimpler",
    15: "Lip corner depressor",
    16: "Lower lip depressor",
    17: "Chin raiser",
    18: "Lip pucker",
    19: "Tongue show",
    20: "Lip stretcher",
    21: "Neck tightener",
    22: "Lip funneler",
    23: "Lip tightener",
    24: "Lip pressor",
    25: "Lips part",
    26: "Jaw drop",
    27: "Mouth stretch",
    28: "Lip suck",
    29: "Jaw thrust",
    30: "Jaw sideways",
    31: "Jaw clencher",
    32: "Lip bite",
    33: "Cheek blow",
    34: "Cheek puff",
    35: "Cheek suck",
    36: "Tongue bulge",
    37: "Lip wipe",
    38: "Nostril dilator",
    39: "Nostril compressor",
    41: "Lid droop",
    42: "Slit",
    43: "Eyes closed",
    44: "Squint",
    45: "Blink",
    46: "Wink",
}
"""FACS number -> English name, as in the FACS manual."""

EXPRESSIONS: tuple[str, ...] = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""The seven basic expressions in the order of RAF-DB's codes 1 to 7; index = class index everywhere."""


def au_name(au: int) -> str:
    """Return the English name of an action unit.

    Args:
        au: FACS number, e.g. 12.

    Returns:
        The name used by the FACS manual.

    Raises:
        ValueError: If the number is not a known action unit.

    >>> au_name(12)
    'Lip corner puller'
    """
    try:
        return AU_NAMES[au]
    except KeyError:
        raise ValueError(f"AU{au} is not a FACS action unit; known numbers: {sorted(AU_NAMES)}") from None


def au_column(au: int, suffix: str = "") -> str:
    """Return the zero-padded column name of an AU in the OpenFace convention, e.g. ``AU06_c``.

    >>> au_column(6, "c"), au_column(12)
    ('AU06_c', 'AU12')
    """
    au_name(au)
    return f"AU{au:02d}_{suffix}" if suffix else f"AU{au:02d}"


def check_aus(aus: Iterable[int]) -> tuple[int, ...]:
    """Return the AUs as a tuple after checking that each is known and none is repeated.

    Raises:
        ValueError: For an unknown number or a duplicate.
    """
    numbers = tuple(aus)
    for au in numbers:
        au_name(au)
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"action units are repeated: {numbers}")
    return numbers
