"""How often action units occur in the licensed data sets, as printed. Data, not measurements of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedRates:
    """The rates of one source.

    Attributes:
        source: Where they are printed, and of which pictures.
        rates: FACS number -> share of the labelled pictures that show it, 0..1.
    """

    source: str
    rates: Mapping[int, float]


PUBLISHED_RATES: dict[str, tuple[PublishedRates, ...]] = {
    "bp4d": (
        PublishedRates(
            "BP4D's twelve evaluated AUs, all people (docs/twins.md)",
            {
                **{1: 0.21, 2: 0.17, 4: 0.20, 6: 0.46, 7: 0.55, 10: 0.59},
                **{12: 0.56, 14: 0.47, 15: 0.17, 17: 0.34, 23: 0.17, 24: 0.15},
            },
        ),
        PublishedRates(
            "Shang & Liu, Table 1, training people",
            {1: 0.184, 2: 0.146, 4: 0.198, 5: 0.033, 6: 0.440, 9: 0.057, 12: 0.540, 17: 0.342},
        ),
    ),
    "disfa": (
        PublishedRates(
            "Shang & Liu, Table 1, training people, intensity 2 and above",
            {
                **{1: 0.043, 2: 0.036, 4: 0.122, 5: 0.008, 6: 0.072, 9: 0.031},
                **{12: 0.129, 17: 0.044, 25: 0.262, 26: 0.088},
            },
        ),
    ),
}
"""Data set -> its sources, the one to prefer first. No printed rates of EmotioNet are known here."""


def published_rate(dataset: str, au: int) -> tuple[float, str] | None:
    """Return the printed rate of an AU in a data set, 0..1, and its source; None where none is known.

    Args:
        dataset: Name of the data set as in a store, e.g. ``bp4d``.
        au: FACS number.

    >>> published_rate("disfa", 25)
    (0.262, 'Shang & Liu, Table 1, training people, intensity 2 and above')
    """
    for table in PUBLISHED_RATES.get(dataset, ()):
        if au in table.rates:
            return table.rates[au], table.source
    return None
