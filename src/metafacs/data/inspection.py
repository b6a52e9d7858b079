"""What a prepared store holds: counts, rates, co-occurrence, people, missing labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.reading import Skipped, count_reasons
from metafacs.data.facts import facts_of
from metafacs.data.shards import StoreError
from metafacs.data.store import REMEDY, STORE_FILE, Store
from metafacs.facs import au_column, au_name
from metafacs.parsing import convert

_NARROW = 5


@dataclass(frozen=True)
class ActionUnitCounts:
    """How often an AU is labelled.

    Attributes:
        au: FACS number.
        present: Pictures that show it.
        absent: Pictures that do not.
        unknown: Pictures that do not say.
    """

    au: int
    present: int
    absent: int
    unknown: int

    @property
    def rate(self) -> float:
        """Share of the labelled pictures that show it, 0..1; NaN where none is labelled."""
        known = self.present + self.absent
        return self.present / known if known else float("nan")


@dataclass(frozen=True)
class Inspection:
    """Everything that can be counted in a store.

    Attributes:
        dataset: Name of the data set.
        synthetic: True where the faces are rendered.
        pictures: Number of rows.
        size: Side of the crops in pixels.
        action_units: Counts per AU, in the order of the store.
        together: Pictures that show both AUs, ``au x au``; the diagonal is ``present``.
        decided: Pictures that show the AU of the row and are labelled for the AU of the column, ``au x au``.
        without_action_units: Pictures with no known AU; 0 where the set labels none.
        expressions: Expression class -> pictures.
        without_expression: Pictures without a class; 0 where the set has no classes.
        subjects: Person -> pictures.
        without_subject: Pictures of unknown people.
        parts: The data set's own partition -> pictures.
        without_landmarks: Pictures without landmarks.
        skipped: Reason -> what was left out when the store was prepared.
        noted: Note, such as of several faces in the picture -> pictures.
    """

    dataset: str
    synthetic: bool
    pictures: int
    size: int
    action_units: tuple[ActionUnitCounts, ...]
    together: NDArray[np.int64]
    decided: NDArray[np.int64]
    without_action_units: int
    expressions: dict[str, int]
    without_expression: int
    subjects: dict[str, int]
    without_subject: int
    parts: dict[str, int]
    without_landmarks: int
    skipped: dict[str, int]
    noted: dict[str, int]

    @property
    def aus(self) -> tuple[int, ...]:
        """FACS numbers in the order of the store."""
        return tuple(counts.au for counts in self.action_units)

    @property
    def co_occurrence(self) -> NDArray[np.float64]:
        """Share of the pictures with the row's AU that show the column's too, ``au x au``; NaN unknown."""
        shares = np.full(self.together.shape, np.nan)
        np.divide(self.together, self.decided, out=shares, where=self.decided > 0)
        return shares

    def summary(self) -> dict[str, object]:
        """Return everything as plain data for JSON; an unknown share is None."""
        facts = facts_of(self.dataset)
        return {
            "dataset": self.dataset,
            "synthetic": self.synthetic,
            "pictures": self.pictures,
            "size": self.size,
            "action_units": {
                au_column(counts.au): {
                    "present": counts.present,
                    "absent": counts.absent,
                    "unknown": counts.unknown,
                    "rate": _plain(counts.rate),
                    "published_rate": (facts.printed_rate(counts.au) or (None,))[0],
                }
                for counts in self.action_units
            },
            "co_occurrence": [[_plain(share) for share in row] for row in self.co_occurrence.tolist()],
            "without_action_units": self.without_action_units,
            "expressions": self.expressions,
            "without_expression": self.without_expression,
            "subjects": self.subjects,
            "without_subject": self.without_subject,
            "parts": self.parts,
            "without_landmarks": self.without_landmarks,
            "skipped": self.skipped,
            "noted": self.noted,
        }

    def __str__(self) -> str:
        synthetic = " (synthetic twin)" if self.synthetic else ""
        lines = [f"{self.dataset}{synthetic}: {self.pictures} pictures of {self.size} px"]
        if self.subjects:
            counts = sorted(self.subjects.values())
            lines.append(
                f"  {len(counts)} subjects with {counts[0]} to {counts[-1]} pictures, "
                f"median {np.median(counts):g}"
            )
        missing = {
            "subject": self.without_subject,
            "any AU label": self.without_action_units,
            "expression": self.without_expression,
            "landmarks": self.without_landmarks,
        }
        lines += [f"  {count} pictures without {what}" for what, count in missing.items() if count]
        lines += _listed("parts", self.parts)
        lines += _listed("expressions", self.expressions)
        if self.action_units:
            lines += self._rates()
            lines += ["", "  of the pictures with the AU of the row, % that show the AU of the column"]
            lines.append("     " + "".join(f"{au:>{_NARROW}}" for au in self.aus))
            lines += [
                f"  {au:>3}" + "".join(f"{_percent(share, 0):>{_NARROW}}" for share in row)
                for au, row in zip(self.aus, self.co_occurrence.tolist(), strict=True)
            ]
        lines += _listed("noted when it was prepared", self.noted)
        lines += _listed("left out when it was prepared", self.skipped)
        return "\n".join(lines)

    def _rates(self) -> list[str]:
        """Return the lines of the AU table: counts, rates and beside them the published ones."""
        rate = "synthetic rate" if self.synthetic else "rate"
        facts = facts_of(self.dataset)
        published = {c.au: facts.printed_rate(c.au) for c in self.action_units}
        printed_in: dict[str, list[int]] = {}
        for au, printed in published.items():
            if printed is not None:
                printed_in.setdefault(printed[1], []).append(au)
        head = f"  AU  name                    present  absent unknown {rate:>14}"
        lines = ["", f"{head}   published" if printed_in else head]
        for c in self.action_units:
            line = f"  {c.au:>2}  {au_name(c.au):<22} {c.present:>8}{c.absent:>8}{c.unknown:>8}"
            line += f"{_percent(c.rate):>13} %"
            if printed_in:
                printed = published[c.au]
                line += f"{'-' if printed is None else _percent(printed[0]) + ' %':>12}"
            lines.append(line)
        real = " (the real set's)" if self.synthetic else ""
        lines += [
            f"  published{real}: {place}: AU {' '.join(map(str, aus))}" for place, aus in printed_in.items()
        ]
        return lines


def inspect_store(store: Store) -> Inspection:
    """Count what a store holds.

    Args:
        store: The prepared data set.

    Returns:
        The counts; labels are read, pictures are not.
    """
    labels = store.action_units
    known, present = ~np.isnan(labels), labels == 1
    counts = tuple(
        ActionUnitCounts(
            au,
            int(present[:, column].sum()),
            int((known[:, column] & ~present[:, column]).sum()),
            int((~known[:, column]).sum()),
        )
        for column, au in enumerate(store.aus)
    )
    shown = present.astype(np.int64)
    classes = store.expression
    unclear = classes < 0
    skipped = convert(
        store.description["skipped"], list[Skipped], f"{store.path / STORE_FILE}, skipped", StoreError, REMEDY
    )
    return Inspection(
        dataset=store.dataset,
        synthetic=store.synthetic,
        pictures=len(store),
        size=store.size,
        action_units=counts,
        together=shown.T @ shown,
        decided=shown.T @ known.astype(np.int64),
        without_action_units=int((~known.any(axis=1)).sum()) if store.aus else 0,
        expressions={name: int((classes == index).sum()) for index, name in enumerate(store.expressions)},
        without_expression=int(unclear.sum()) if store.expressions else 0,
        subjects=_counted(store.subjects),
        without_subject=int((store.subjects == "").sum()),
        parts=_counted(store.parts),
        without_landmarks=int(np.isnan(store.landmarks).all(axis=(1, 2)).sum()),
        # The text behind the colon names the one file; the text before it is the kind of failure.
        skipped=count_reasons(replace(entry, reason=entry.reason.split(":")[0]) for entry in skipped),
        noted={note: len(keys) for note, keys in store.noted.items()},
    )


def spread_rows(people: Sequence[str] | NDArray[np.str_], rows: NDArray[np.int64], count: int) -> list[int]:
    """Choose rows so that as many people as possible are among them, and the same ones every time.

    Args:
        people: The person of every row of the store.
        rows: Rows to choose from, ascending.
        count: How many; fewer where there are fewer.

    Returns:
        The chosen rows: one of each person in turn, from the middle of what the person has.
    """
    waiting: dict[str, list[int]] = {}
    for row in rows.tolist():
        waiting.setdefault(str(people[row]), []).append(row)
    chosen: list[int] = []
    while waiting and len(chosen) < count:
        # Stepping through the people visits them evenly where there are more people than places.
        names = sorted(waiting)
        step = max(1, len(names) // (count - len(chosen)))
        for name in names[::step][: count - len(chosen)]:
            own = waiting[name]
            chosen.append(own.pop(len(own) // 2))
            if not own:
                del waiting[name]
    return chosen


def _counted(names: NDArray[np.str_]) -> dict[str, int]:
    return dict(sorted(Counter(name for name in names.tolist() if name).items()))


def _listed(title: str, counts: dict[str, int]) -> list[str]:
    if not counts:
        return []
    return ["", f"  {title}"] + [f"  {count:>8} {name}" for name, count in counts.items()]


def _percent(share: float, digits: int = 1) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.{digits}f}"


def _plain(share: float) -> float | None:
    return None if np.isnan(share) else share
