"""A person's file: what was fitted to one person, for one model and no other."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.checkpoints.description import Probability
from metafacs.facs import check_aus
from metafacs.models.model_file import Count
from metafacs.parsing import convert
from metafacs.personalisation.fitting import Fitting, Tensors
from metafacs.personalisation.last_layer import LastLayer
from metafacs.personalisation.meta_learned import MetaLearned
from metafacs.personalisation.whole_network import WholeNetwork
from metafacs.tensor_files import load_tensors, read_header, save_tensors
from metafacs.texts import printable

_KIND = "metafacs-person-"
FORMAT = f"{_KIND}1"

FITTINGS: dict[str, type[Fitting]] = {
    "last": LastLayer,
    "full": WholeNetwork,
    "meta_learned": MetaLearned,
}
"""Name in a person's file -> how the model was fitted."""

_REMEDY = "personalise again"


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
    positives: Count
    negatives: Count
    kept: bool
    reason: str
    accuracy: tuple[Probability | None, Probability | None] = (None, None)
    balanced: tuple[Probability | None, Probability | None] = (None, None)


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
        source: What to call it in messages.
    """

    kind: str
    model: str
    aus: tuple[int, ...]
    tensors: Tensors = field(repr=False)
    outcomes: tuple[Outcome, ...] = ()
    synthetic: bool = False
    source: str = field(default="what was fitted", compare=False, repr=False)

    def check_fits(self, fitting: Fitting) -> None:
        """Refuse tensors that are not those of the fitted AUs.

        Args:
            fitting: The way it was fitted, with the model.

        Raises:
            PersonError: If one is missing, of another shape or too many.
        """
        needed, given = fitting.shapes(self.aus), self.tensors
        wrong = [
            name
            for name in sorted({*needed, *given})
            if name not in needed or name not in given or needed[name] != given[name].shape
        ]
        if wrong:
            raise PersonError(
                f"{self.source} does not hold what was fitted to the action units {list(self.aus)}: "
                f"{printable(wrong[0])} is missing, too many or of another shape; {_REMEDY}"
            )


@dataclass(frozen=True)
class _Header:
    """What a person's file says beside its tensors."""

    format: Literal["metafacs-person-1"]
    kind: Literal["last", "full", "meta_learned"]
    model: str
    aus: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    synthetic: bool

    def __post_init__(self) -> None:
        check_aus(self.aus)


def save_person(path: Path | str, person: Person) -> None:
    """Write a person's file as safetensors, whole or not at all.

    Raises:
        ValueError: If what was fitted is not finite.
        OSError: If the file cannot be written.
    """
    header = {
        "format": FORMAT,
        "kind": person.kind,
        "model": person.model,
        "aus": list(person.aus),
        "outcomes": [asdict(outcome) for outcome in person.outcomes],
        "synthetic": person.synthetic,
    }
    save_tensors(path, person.tensors, header)


def is_person(path: Path | str) -> bool:
    """Return whether a file is a person's, of this version or another; it may be damaged."""
    said = (read_header(path) or {}).get("format")
    return isinstance(said, str) and said.startswith(_KIND)


def load_person(path: Path | str, checkpoint: Checkpoint) -> Person:
    """Read a person's file for a model.

    Args:
        path: File that ``metafacs personalise`` wrote.
        checkpoint: The model it is to be used with.

    Raises:
        PersonError: If the file is missing, damaged, of another kind, or belongs to another model.
    """
    path = Path(path)
    if not path.exists():
        raise PersonError(f"{path} does not exist; 'metafacs personalise' writes such files")
    content, tensors = load_tensors(path, PersonError, f"copy it again or {_REMEDY}")
    if content is None or content.get("format") != FORMAT:
        said = (content or {}).get("format")
        raise PersonError(f"{path} is no person's file of this version (format {said!r}); {_REMEDY}")
    header = convert(content, _Header, f"{path}, header", PersonError, _REMEDY)
    if header.model != checkpoint.fingerprint:
        raise PersonError(
            f"{path} was fitted to another model ({printable(header.model)}) than this one "
            f"({checkpoint.fingerprint}); give the model it was made with, or personalise again"
        )
    return Person(
        kind=header.kind,
        model=header.model,
        aus=header.aus,
        tensors=tensors,
        outcomes=header.outcomes,
        synthetic=header.synthetic,
        source=str(path),
    )
