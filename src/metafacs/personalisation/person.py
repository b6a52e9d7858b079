"""A person's file: what was fitted to one person, for one model and no other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.files import written_whole
from metafacs.personalisation.fitting import Fitting, Tensors
from metafacs.personalisation.last_layer import LastLayer
from metafacs.personalisation.meta_learned import MetaLearned
from metafacs.personalisation.whole_network import WholeNetwork

FORMAT = "metafacs-person-1"

FITTINGS: dict[str, type[Fitting]] = {
    "last": LastLayer,
    "full": WholeNetwork,
    "meta_learned": MetaLearned,
}
"""Name in a person's file -> how the model was fitted."""


class PersonError(ValueError):
    """A person's file cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What became of one action unit.

    Attributes:
        au: FACS number.
        positives: Labelled pictures that show it.
        negatives: Labelled pictures that do not.
        kept: Whether the fitted detector is used.
        reason: Why, in words.
        accuracy: Of the general and of the fitted detector on labelled pictures neither was fitted to; None
            where it could not be measured or there is no general detector.
        balanced: The same for balanced accuracy; of one kind of pictures only, the accuracy on those.
    """

    au: int
    positives: int
    negatives: int
    kept: bool
    reason: str
    accuracy: tuple[float | None, float | None] = (None, None)
    balanced: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True)
class Person:
    """What was fitted to one person.

    Attributes:
        kind: Name in ``FITTINGS``.
        model: Fingerprint of the model it was fitted from.
        aus: AUs that were fitted and are used.
        tensors: What was fitted, by name.
        outcomes: What became of every labelled AU.
        synthetic: Whether the model was trained on rendered faces.
    """

    kind: str
    model: str
    aus: tuple[int, ...]
    tensors: Tensors = field(repr=False)
    outcomes: tuple[Outcome, ...] = ()
    synthetic: bool = False


def save_person(path: Path | str, person: Person) -> None:
    """Write a person's file as safetensors, whole or not at all."""
    header = {
        "format": FORMAT,
        "kind": person.kind,
        "model": person.model,
        "aus": list(person.aus),
        "outcomes": [asdict(outcome) for outcome in person.outcomes],
        "synthetic": person.synthetic,
    }
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in person.tensors.items()}
    with written_whole(path) as temporary:
        save_file(tensors, str(temporary), metadata={"metafacs": json.dumps(header)})


def load_person(path: Path | str, checkpoint: Checkpoint) -> Person:
    """Read a person's file for a model.

    Args:
        path: File that ``metafacs personalise`` wrote.
        checkpoint: The model it is to be used with.

    Raises:
        PersonError: If the file is missing, damaged, of another kind, or belongs to another model.
    """
    path = Path(path)
    if not path.is_file():
        raise PersonError(f"{path} does not exist; 'metafacs personalise' writes such files")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("metafacs", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, ValueError) as error:
        raise PersonError(
            f"{path} is truncated or no safetensors file ({error}); personalise again"
        ) from error
    if header.get("format") != FORMAT or header.get("kind") not in FITTINGS:
        raise PersonError(
            f"{path} is no person's file of this version (format {header.get('format')!r}); personalise again"
        )
    if header["model"] != checkpoint.fingerprint:
        raise PersonError(
            f"{path} was fitted to another model ({header['model']}) than this one "
            f"({checkpoint.fingerprint}); give the model it was made with, or personalise again"
        )
    return Person(
        kind=header["kind"],
        model=header["model"],
        aus=tuple(header["aus"]),
        tensors=tensors,
        outcomes=tuple(_outcome(values) for values in header["outcomes"]),
        synthetic=header["synthetic"],
    )


def _outcome(values: dict[str, Any]) -> Outcome:
    return Outcome(**{**values, "accuracy": tuple(values["accuracy"]), "balanced": tuple(values["balanced"])})
