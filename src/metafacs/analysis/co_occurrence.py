"""How often each action unit comes with each expression, beside what the laboratory reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.compounds import (
    DOUBTFUL_LAB_ROWS,
    LAB_RATES,
    RATES_PRINTED_IN,
    ObservedMeans,
    observed_aus,
    observed_means,
    prototypical_aus,
    variant_aus,
)
from metafacs.data.datasets.reading import Reading
from metafacs.data.store import Store


@dataclass(frozen=True)
class Reference:
    """Published rates to compare with.

    Attributes:
        name: Short, for heads, e.g. ``lab``.
        printed_in: Paper and table.
        rates: Expression -> FACS number -> share in 0..1; what is not listed was not observed.
        doubtful: Expressions whose printed rates are not to be trusted.
    """

    name: str
    printed_in: str
    rates: Mapping[str, Mapping[int, float]]
    doubtful: tuple[str, ...] = ()


LABORATORY = Reference("lab", RATES_PRINTED_IN, LAB_RATES, DOUBTFUL_LAB_ROWS)
"""People asked to pose the expressions, in the RAF-CE paper."""


@dataclass(frozen=True)
class CoOccurrence:
    """Rates of action units per expression in one data set.

    Attributes:
        dataset: Its name.
        synthetic: The faces are rendered.
        aus: FACS numbers, ascending.
        expressions: Names of the classes.
        present: ``expression au``, pictures that show the AU.
        known: ``expression au``, pictures whose label of the AU is known.
        pictures: ``expression``, pictures with the expression and at least one known AU.
    """

    dataset: str
    synthetic: bool
    aus: tuple[int, ...]
    expressions: tuple[str, ...]
    present: NDArray[np.int64]
    known: NDArray[np.int64]
    pictures: NDArray[np.int64]

    @property
    def rates(self) -> dict[str, dict[int, float]]:
        """Expression -> FACS number -> share of the known labels that are present.

        An AU without a known label for the expression is left out, as is an expression without pictures.
        """
        return {
            name: {
                au: float(self.present[row, column] / self.known[row, column])
                for column, au in enumerate(self.aus)
                if self.known[row, column]
            }
            for row, name in enumerate(self.expressions)
            if self.pictures[row]
        }

    @property
    def means(self) -> ObservedMeans:
        """How many prototypical and variant AUs the expressions show on average."""
        return observed_means(self.rates)


@dataclass(frozen=True)
class Pattern:
    """The AUs observed with one expression, beside a reference.

    Attributes:
        expression: Its name.
        pictures: How many were counted.
        prototypical: AUs shown at 70 % or more.
        variant: AUs shown from 20 % to below 70 %.
        only_here: Observed here but not in the reference.
        only_reference: Observed in the reference but not here, though labelled here; None, with
            ``only_here`` empty, where the reference lacks the expression or its row is doubtful.
        unlabelled: Observed in the reference, but without a known label here: nothing can be said.
    """

    expression: str
    pictures: int
    prototypical: tuple[int, ...]
    variant: tuple[int, ...]
    only_here: tuple[int, ...] = ()
    only_reference: tuple[int, ...] | None = None
    unlabelled: tuple[int, ...] = ()


def count_co_occurrence(
    action_units: NDArray[np.floating],
    expression: NDArray[np.integer],
    *,
    aus: Sequence[int],
    expressions: Sequence[str],
    dataset: str,
    synthetic: bool,
) -> CoOccurrence:
    """Count how often each action unit comes with each expression.

    Args:
        action_units: ``picture au``: 1 present, 0 absent, NaN unknown.
        expression: ``picture``, class index; -1 unknown, left out.
        aus: FACS numbers of the columns.
        expressions: Names of the classes.
        dataset: Name of the data set.
        synthetic: Whether its faces are rendered.

    Raises:
        ValueError: If the shapes do not fit, a label is out of range, or no picture has both labels.
    """
    if action_units.shape != (len(expression), len(aus)):
        raise ValueError(
            f"labels of {len(expression)} pictures and {len(aus)} AUs have the shape {action_units.shape}"
        )
    if len(expression) and not -1 <= expression.min() <= expression.max() < len(expressions):
        raise ValueError(f"an expression is outside -1..{len(expressions) - 1}")
    known = ~np.isnan(action_units)
    member = expression[:, None] == np.arange(len(expressions))
    pictures = (member & known.any(axis=1)[:, None]).sum(axis=0)
    if not pictures.any():
        raise ValueError(
            f"no picture of {dataset} has both an expression and action units; co-occurrence needs a "
            "data set with both labels, such as raf_ce"
        )
    weights = member.T.astype(np.int64)
    return CoOccurrence(
        dataset,
        synthetic,
        tuple(aus),
        tuple(expressions),
        present=weights @ (action_units == 1).astype(np.int64),
        known=weights @ known.astype(np.int64),
        pictures=pictures.astype(np.int64),
    )


def co_occurrence(data: Reading | Store) -> CoOccurrence:
    """Count how often each action unit comes with each expression in a data set with both labels.

    Section 3.2 and Table 1 of the RAF-CE paper.

    Args:
        data: What a reader found, or a prepared store.

    Raises:
        ValueError: If no picture has both labels.
    """
    if isinstance(data, Store):
        return count_co_occurrence(
            data.action_units,
            data.expression,
            aus=data.aus,
            expressions=data.expressions,
            dataset=data.dataset,
            synthetic=data.synthetic,
        )
    labels = [[sample.action_units.get(au, np.nan) for au in data.aus] for sample in data.samples]
    return count_co_occurrence(
        np.array(labels, dtype=np.float64).reshape(len(data.samples), len(data.aus)),
        np.array([-1 if s.expression is None else s.expression for s in data.samples], dtype=np.int64),
        aus=data.aus,
        expressions=data.expressions,
        dataset=data.dataset,
        synthetic=data.twin is not None,
    )


def expression_patterns(found: CoOccurrence, reference: Reference = LABORATORY) -> list[Pattern]:
    """Return the prototypical and variant AUs of each expression that has pictures, beside a reference.

    Args:
        found: Rates of a data set.
        reference: What to compare with.
    """
    patterns = []
    for name, rates in found.rates.items():
        here = set(observed_aus([rates]))
        row = None if name in reference.doubtful else reference.rates.get(name)
        there = set() if row is None else set(observed_aus([row]))
        patterns.append(
            Pattern(
                name,
                int(found.pictures[found.expressions.index(name)]),
                prototypical_aus(rates),
                variant_aus(rates),
                only_here=() if row is None else tuple(sorted(here - there)),
                only_reference=None if row is None else tuple(sorted((there - here) & rates.keys())),
                unlabelled=tuple(sorted(there - rates.keys())),
            )
        )
    return patterns
