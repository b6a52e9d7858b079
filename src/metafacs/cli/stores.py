"""How commands tell of a prepared store, without the reports that others print."""

from __future__ import annotations

from collections.abc import Sequence

from metafacs.cli.summary import say
from metafacs.data.datasets.reading import Reading
from metafacs.data.store import STORE_FILE, Store
from metafacs.texts import printable

_SHOWN = 5


def print_store(store: Store, reading: Reading) -> None:
    """Print how many faces a store holds, which pictures show none, and whose face was not the only one."""
    place = printable(store.path)
    unusable = [
        f"{entry['file']}: {entry['reason']}"
        for entry in store.description["skipped"][len(reading.skipped) :]
    ]
    say(f"{len(store)} faces of {store.size} px in {place}; {len(unusable)} pictures without a face")
    _say_first(unusable, place)
    for note, keys in store.noted.items():
        say(f"{len(keys)} pictures: {note}")
        _say_first(keys, place)


def _say_first(entries: Sequence[str], place: str) -> None:
    for entry in entries[:_SHOWN]:
        say(f"  {entry}")
    if len(entries) > _SHOWN:
        say(f"  and {len(entries) - _SHOWN} more, listed in {place}/{STORE_FILE}")
