"""Compound expressions such as *happily surprised*: their names, their parts, and the AUs that show them.

The rates are Table 1 of the RAF-CE paper, in the wild and in the laboratory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metafacs.facs import EXPRESSIONS

BASIC_EXPRESSIONS: tuple[str, ...] = EXPRESSIONS[:6]
"""The six basic expressions in the order of RAF-ML's columns; neutral is no part of a compound."""

COMPONENTS: dict[str, tuple[str, str]] = {
    "happily surprised": ("happiness", "surprise"),
    "happily disgusted": ("happiness", "disgust"),
    "sadly fearful": ("sadness", "fear"),
    "sadly angry": ("sadness", "anger"),
    "sadly surprised": ("sadness", "surprise"),
    "sadly disgusted": ("sadness", "disgust"),
    "fearfully angry": ("fear", "anger"),
    "fearfully surprised": ("fear", "surprise"),
    "fearfully disgusted": ("fear", "disgust"),
    "angrily surprised": ("anger", "surprise"),
    "angrily disgusted": ("anger", "disgust"),
    "disgustedly surprised": ("disgust", "surprise"),
    "happily fearful": ("happiness", "fear"),
    "happily sad": ("happiness", "sadness"),
}
"""Compound expression -> its two basic expressions, the adverb's first; in the order of RAF-CE's codes."""

COMPOUND_EXPRESSIONS: tuple[str, ...] = tuple(COMPONENTS)
"""The fourteen compound expressions in the order of RAF-CE's codes 0 to 13; index = class index."""

RAF_DB_COMPOUNDS: tuple[str, ...] = (
    "happily surprised",
    "happily disgusted",
    "sadly fearful",
    "sadly angry",
    "sadly surprised",
    "sadly disgusted",
    "fearfully angry",
    "fearfully surprised",
    "angrily surprised",
    "angrily disgusted",
    "disgustedly surprised",
)
"""The eleven compound expressions of RAF-DB in the order of its codes 1 to 11; index = class index."""

PROTOTYPICAL_RATE = 0.70
"""An AU shown by at least this share of the people is prototypical of the expression."""

OBSERVED_RATE = 0.20
"""An AU shown by at least this share, but no prototypical one, is a variant; both are *observed*."""

RATES_PRINTED_IN = "RAF-CE paper, Table 1"
"""Where :data:`WILD_RATES` and :data:`LAB_RATES` are from.

Three laboratory rows stand here otherwise than in copies of the table whose columns have slipped: AU10 and
AU11 of *fearfully surprised*, AU17 and AU24 of *angrily disgusted* and *disgustedly surprised*. The paper's
text settles it: in the laboratory AU12 is observed only with happiness, and AU16 never.
"""

DOUBTFUL_LAB_ROWS: tuple[str, ...] = ("happily sad",)
"""Laboratory rows printed with the numbers of another row; kept as printed, to be told apart."""

# Percent, as printed; an AU below 20 % is not printed.
_WILD_PERCENT: dict[str, dict[int, int]] = {
    "happily surprised": {1: 40, 2: 39, 5: 32, 12: 58, 25: 86, 26: 43, 27: 29},
    "happily disgusted": {4: 27, 6: 21, 9: 24, 10: 38, 12: 52, 25: 50},
    "sadly fearful": {1: 40, 4: 58, 12: 40, 16: 21, 25: 78, 26: 35, 27: 25},
    "sadly angry": {4: 71, 6: 20, 9: 29, 10: 29, 12: 22, 16: 26, 25: 60, 27: 26},
    "sadly surprised": {1: 34, 4: 37, 25: 71, 26: 47},
    "sadly disgusted": {1: 20, 4: 59, 10: 30, 17: 29, 25: 26},
    "fearfully angry": {2: 20, 4: 47, 5: 29, 6: 27, 9: 56, 10: 74, 12: 60, 16: 63, 25: 98, 27: 80},
    "fearfully surprised": {1: 50, 2: 41, 5: 64, 12: 32, 16: 26, 25: 84, 26: 33, 27: 34},
    "fearfully disgusted": {1: 28, 4: 56, 5: 25, 10: 53, 12: 22, 25: 75, 26: 22},
    "angrily surprised": {1: 23, 2: 23, 4: 33, 5: 38, 10: 35, 12: 23, 16: 38, 25: 86, 26: 39, 27: 36},
    "angrily disgusted": {4: 55, 9: 33, 10: 45, 25: 44},
    "disgustedly surprised": {1: 30, 2: 24, 4: 38, 5: 23, 10: 35, 25: 75, 26: 39},
    "happily fearful": {6: 27, 10: 64, 12: 73, 25: 73, 27: 55},
    "happily sad": {1: 28, 4: 38, 6: 24, 10: 24, 12: 52, 25: 52},
}

_LAB_PERCENT: dict[str, dict[int, int]] = {
    "happily surprised": {1: 95, 2: 93, 5: 64, 12: 100, 25: 100, 26: 67},
    "happily disgusted": {4: 32, 6: 61, 9: 59, 10: 98, 12: 100, 25: 100},
    "sadly fearful": {1: 86, 2: 46, 4: 94, 5: 24, 6: 34, 15: 30, 20: 70, 25: 97},
    "sadly angry": {4: 97, 6: 26, 7: 48, 11: 20, 15: 83, 17: 50},
    "sadly surprised": {1: 84, 2: 27, 4: 90, 6: 31, 25: 99, 26: 90},
    "sadly disgusted": {1: 49, 4: 97, 6: 61, 9: 20, 10: 85, 11: 35, 15: 54, 17: 47, 25: 43},
    "fearfully angry": {4: 99, 5: 40, 7: 39, 10: 30, 11: 33, 20: 84, 25: 98},
    "fearfully surprised": {1: 93, 2: 80, 4: 47, 5: 74, 10: 35, 11: 22, 20: 90, 25: 99, 26: 51},
    "fearfully disgusted": {1: 77, 2: 64, 4: 75, 5: 50, 6: 26, 9: 28, 10: 92, 15: 33, 20: 88, 25: 98},
    "angrily surprised": {4: 99, 5: 35, 7: 50, 10: 34, 25: 100, 26: 94},
    "angrily disgusted": {4: 98, 7: 60, 9: 57, 10: 93, 17: 79, 24: 36},
    "disgustedly surprised": {1: 93, 2: 90, 4: 45, 5: 73, 9: 37, 10: 91, 17: 66, 24: 33},
    "happily fearful": {1: 90, 2: 85, 5: 30, 12: 100, 25: 100, 26: 100},
    "happily sad": {1: 95, 2: 93, 5: 64, 12: 100, 25: 100, 26: 67},
}


def _shares(percent: Mapping[str, Mapping[int, int]]) -> dict[str, dict[int, float]]:
    return {name: {au: value / 100 for au, value in row.items()} for name, row in percent.items()}


WILD_RATES: dict[str, dict[int, float]] = _shares(_WILD_PERCENT)
"""Compound expression -> AU -> share of the pictures in RAF-CE that show it; AUs below 0.2 are left out."""

LAB_RATES: dict[str, dict[int, float]] = _shares(_LAB_PERCENT)
"""Compound expression -> AU -> share of posing people who show it; AUs below 0.2 are left out."""

_BY_COMPONENTS = {frozenset(components): name for name, components in COMPONENTS.items()}


@dataclass(frozen=True)
class ObservedMeans:
    """How many AUs an expression shows on average: sums of rates, averaged over the expressions.

    Attributes:
        prototypical: Of AUs at 70 % or more.
        variant: Of AUs from 20 % to below 70 %.
        aus: FACS numbers observed with any expression, ascending.
    """

    prototypical: float
    variant: float
    aus: tuple[int, ...]

    @property
    def total(self) -> float:
        """Of all observed AUs."""
        return self.prototypical + self.variant


def compound_of(first: str, second: str) -> str | None:
    """Return the compound expression of two basic ones in any order; None where RAF-CE has none.

    Raises:
        ValueError: If one is no basic expression, or both are the same.

    >>> compound_of("surprise", "happiness")
    'happily surprised'
    >>> compound_of("happiness", "anger") is None
    True
    """
    for name in (first, second):
        if name not in BASIC_EXPRESSIONS:
            raise ValueError(
                f"{name!r} is no basic expression of a compound; known: {list(BASIC_EXPRESSIONS)}"
            )
    if first == second:
        raise ValueError(f"a compound has two different expressions, not {first!r} twice")
    return _BY_COMPONENTS.get(frozenset((first, second)))


def prototypical_aus(rates: Mapping[int, float]) -> tuple[int, ...]:
    """Return the AUs shown at 70 % or more, ascending.

    Args:
        rates: FACS number -> share in 0..1; NaN is never shown.
    """
    return tuple(sorted(au for au, rate in rates.items() if rate >= PROTOTYPICAL_RATE))


def variant_aus(rates: Mapping[int, float]) -> tuple[int, ...]:
    """Return the AUs shown at 20 % or more but less than 70 %, ascending.

    Args:
        rates: FACS number -> share in 0..1; NaN is never shown.
    """
    return tuple(sorted(au for au, rate in rates.items() if OBSERVED_RATE <= rate < PROTOTYPICAL_RATE))


def observed_aus(rows: Iterable[Mapping[int, float]]) -> tuple[int, ...]:
    """Return the AUs that are prototypical or variant in any of the rows, ascending."""
    return tuple(sorted({au for row in rows for au, rate in row.items() if rate >= OBSERVED_RATE}))


def observed_means(rates: Mapping[str, Mapping[int, float]]) -> ObservedMeans:
    """Return how many prototypical and variant AUs the expressions show on average.

    The numbers of observation 3 in section 3.2 of the RAF-CE paper.

    Args:
        rates: Expression -> FACS number -> share in 0..1.

    Raises:
        ValueError: If there is no expression.

    >>> means = observed_means(WILD_RATES)
    >>> round(means.prototypical, 2), round(means.variant, 2), round(means.total, 2), len(means.aus)
    (0.73, 2.12, 2.85, 13)
    """
    if not rates:
        raise ValueError("means need the rates of one expression or more")
    prototypical = sum(row[au] for row in rates.values() for au in prototypical_aus(row))
    variant = sum(row[au] for row in rates.values() for au in variant_aus(row))
    return ObservedMeans(prototypical / len(rates), variant / len(rates), observed_aus(rates.values()))
