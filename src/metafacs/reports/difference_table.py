"""Claims that one row detects action units better than another, in every score beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from metafacs.reports.claims import Claim
from metafacs.reports.comparison import Comparison
from metafacs.reports.tables import Column, Table


def difference_tables(claims: Sequence[Claim], comparison: Comparison) -> list[Table]:
    """Return a table of the differences that claims were answered by; none where there is no difference.

    Args:
        claims: Answered claims.
        comparison: The records that answered them.
    """
    found = {
        (told.better, told.worse, told.score): (claim, told.estimate)
        for claim in claims
        if (told := claim.difference) is not None
    }
    if not found:
        return []
    scores = list(dict.fromkeys(score for _, _, score in found))
    levels = {f"{estimate.level:.0%}" for _, estimate in found.values()}
    rows = []
    for better, worse in dict.fromkeys((better, worse) for better, worse, _ in found):
        cells = [f"{better} > {worse}"]
        for score in scores:
            claim, estimate = found.get((better, worse, score), (None, None))
            if claim is None or estimate is None:
                cells += ["", ""]
                continue
            value, low, high = (100 * number for number in (estimate.value, estimate.low, estimate.high))
            bounds = "" if math.isnan(low) else f" ({low:.1f} to {high:.1f})"
            cells += [f"{value:+.1f}{bounds}", claim.answer]
        rows.append(tuple(cells))
    label, tag = comparison.label, comparison.tag
    columns = [Column("Claim", text=True)]
    for score in scores:
        columns += [Column(f"difference, {score}", label, tag), Column("supported", label, tag, text=True)]
    return [
        Table(
            title=f"Which row detects action units better on {comparison.held_out} ({label})",
            columns=tuple(columns),
            rows=tuple(rows),
            note=f"Points (percent), in brackets the {' and '.join(sorted(levels))} interval. 'yes' needs an "
            "interval wholly above zero. Sound runs only.",
            name="differences",
        )
    ]
