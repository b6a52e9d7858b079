"""Render any twin by the name of its data set."""

from __future__ import annotations

from pathlib import Path

from metafacs.data.twins import TWINS
from metafacs.data.twins.writer import Preset, TwinError, TwinSummary, write_twin


def render_twin(
    name: str,
    root: Path | str,
    *,
    preset: Preset = "small",
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> TwinSummary:
    """Render a synthetic twin in the data set's own layout, or take up a rendering that was stopped.

    What the twin holds, and what lies beside the licensed layout, stands at its planner, e.g.
    :func:`metafacs.data.twins.bp4d.plan_bp4d`. Every twin has a ``TWIN.json`` that says what it is and how it
    was made.

    Args:
        name: Name of the data set, a key of :data:`metafacs.data.twins.TWINS`.
        root: Folder of the twin: new, empty, or a stopped twin of the same preset and seed.
        preset: Size of the twin; its planner says how many people and pictures that are.
        seed: Seed of the generator; another seed gives other people.
        workers: Processes; None = one per core that this process may use, 1 = in this process.
        progress: Show a progress bar.

    Returns:
        What was written, with counts and label rates.

    Raises:
        TwinError: If there is no such twin, the folder holds something else, the twin is damaged, or the seed
            is negative.
        ValueError: If the preset is unknown.
        WorkerError: If a rendering process dies.
    """
    if name not in TWINS:
        raise TwinError(f"there is no twin of {name!r}; choose one of {', '.join(TWINS)}")
    return write_twin(root, TWINS[name](preset, seed), workers=workers, progress=progress)
