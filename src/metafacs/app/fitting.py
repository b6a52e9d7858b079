"""Personalise from the page: marked frames and labels in, what got better out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.facs import au_name
from metafacs.inference.loading import load_model
from metafacs.personalisation.person import save_person
from metafacs.personalisation.personalise import fit_support
from metafacs.personalisation.support import Support, SupportRow


def fit_person(model: str | None, labels: Sequence[dict[str, Any]], out: Path, device: str) -> dict[str, Any]:
    """Fit a model to a person, and write the person's file if an AU got better.

    Args:
        model: File of the model; None for the detector in the package.
        labels: One for each frame: ``path``, ``name``, ``frame`` (None of a picture), ``aus`` as
            ``{"12": 1}``; ``box``: where the face is that is meant, as left, top, right, bottom in pixels, or
            None.
        out: The file to write.
        device: Where the model runs.

    Returns:
        AUs that are used, outcomes of all, and notes.

    Raises:
        ValueError: If a picture cannot be used, or nothing got better; the message says what to do.
    """
    names = {each["path"]: each["name"] for each in labels}
    checkpoint, _ = load_model(model)
    try:
        person, notes = fit_support(checkpoint, _support(labels, out), device=device)
    except ValueError as error:
        raise ValueError(_as_the_user_calls_them(str(error), names)) from error
    outcomes = [asdict(outcome) | {"name": au_name(outcome.au)} for outcome in person.outcomes]
    if not person.aus:
        told = "; ".join(f"AU{outcome.au}: {outcome.reason}" for outcome in person.outcomes)
        raise ValueError(
            f"no action unit got better ({told}), so nothing was kept; label more frames, of different "
            "moments"
        )
    save_person(out, person)
    return {
        "aus": list(person.aus),
        "au_names": {str(au): au_name(au) for au in person.aus},
        "outcomes": outcomes,
        "notes": [_as_the_user_calls_them(note, names) for note in notes],
    }


def _support(labels: Sequence[dict[str, Any]], out: Path) -> Support:
    """Return the labels as a list of pictures is read."""
    aus = tuple(sorted({int(au) for each in labels for au in each["aus"]}))
    rows = tuple(
        SupportRow(line, Path(each["path"]), each["frame"], each["box"] and tuple(each["box"]))
        for line, each in enumerate(labels, start=1)
    )
    table = [[each["aus"].get(str(au), np.nan) for au in aus] for each in labels]
    return Support(Path("the labels"), aus, rows, np.array(table, np.float32))


def _as_the_user_calls_them(text: str, names: dict[str, str]) -> str:
    """Return a sentence with the names of files as the user knows them."""
    for path, name in names.items():
        text = text.replace(path, name).replace(Path(path).name, name)
    return text
