"""How commands tell of a prepared store, without the reports that others print."""

from __future__ import annotations

from metafacs.data.datasets.reading import Reading
from metafacs.data.store import STORE_FILE, Store

_SHOWN = 5


def print_store(store: Store, reading: Reading) -> None:
    """Print how many faces a store holds, and which pictures of the reading show none."""
    unusable = store.description["skipped"][len(reading.skipped) :]
    print(f"{len(store)} faces of {store.size} px in {store.path}; {len(unusable)} pictures without a face")
    for entry in unusable[:_SHOWN]:
        print(f"  {entry['file']}: {entry['reason']}")
    if len(unusable) > _SHOWN:
        print(f"  and {len(unusable) - _SHOWN} more, listed in {store.path / STORE_FILE}")
