"""Personalise from the page: marked frames and labels in, what got better out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.app.analysing import JOURNAL
from metafacs.facs import au_name
from metafacs.inference.journal import read_journal
from metafacs.inference.loading import load_model
from metafacs.personalisation.person import save_person
from metafacs.personalisation.personalise import fit_support
from metafacs.personalisation.support import Support, SupportRow

Box = tuple[float, float, float, float]


def fit_person(model: str | None, labels: Sequence[dict[str, Any]], out: Path, device: str) -> dict[str, Any]:
    """Fit a model to a person, and write the person's file if an AU got better.

    Args:
        model: File of the model; None for the detector in the package.
        labels: One for each frame: ``path``, ``name``, ``frame`` (None of a picture), ``aus`` as
            ``{"12": 1}``; ``person`` and ``folder``: whose face it is in the results of an analysis, or None.
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
    places = _places(labels)
    rows = tuple(
        SupportRow(line, Path(each["path"]), each["frame"], box)
        for line, (each, box) in enumerate(zip(labels, places, strict=True), start=1)
    )
    table = [[each["aus"].get(str(au), np.nan) for au in aus] for each in labels]
    return Support(Path("the labels"), aus, rows, np.array(table, np.float32))


def _places(labels: Sequence[dict[str, Any]]) -> list[Box | None]:
    """Return where the face is that each label means, None where it does not say whose.

    Raises:
        ValueError: If the person is not seen in the frame.
    """
    wanted = {(each["folder"], each["frame"] or 0, each["person"]) for each in labels}
    boxes: dict[tuple[str, int, int], Box] = {}
    for folder in {folder for folder, _, person in wanted if person is not None}:
        for frame in read_journal(Path(folder) / JOURNAL)[1]:
            for face in frame.faces:
                key = (folder, frame.number, face.face_id)
                if face.box is not None and key in wanted:
                    boxes[key] = face.box
    for each in labels:
        key = (each["folder"], each["frame"] or 0, each["person"])
        if each["person"] is not None and key not in boxes:
            raise ValueError(
                f"person {each['person']} is not seen in frame {key[1]} of {each['name']}; mark another frame"
            )
    return [boxes.get((each["folder"], each["frame"] or 0, each["person"])) for each in labels]


def _as_the_user_calls_them(text: str, names: dict[str, str]) -> str:
    """Return a sentence with the names of files as the user knows them."""
    for path, name in names.items():
        text = text.replace(path, name).replace(Path(path).name, name)
    return text
