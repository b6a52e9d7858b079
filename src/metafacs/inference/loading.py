"""Makes a detector out of a checkpoint file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from metafacs.checkpoints.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.detector import Detector
from metafacs.methods import FEW_SHOT
from metafacs.personalisation.person import FITTINGS, Person, load_person

USUAL_THRESHOLD = 0.5
PERSONAL_THRESHOLD = 0.5
"""Fitted logits are balanced, so that they cut at one half whatever the model's own threshold is."""


class Framing(NamedTuple):
    """How a model's faces are cut out.

    Attributes:
        input_size: Side of the model's input in pixels.
        crop_size: Side of the aligned crop of which it sees the centre.
        alignment: How faces are aligned.
    """

    input_size: int
    crop_size: int
    alignment: AlignmentSpec


def load_detector(path: Path | str, device: str = "cpu", person: Path | str | None = None) -> Detector:
    """Return the detector stored in a checkpoint of ``metafacs train``.

    Args:
        path: ``model.safetensors``.
        device: Where to run it, e.g. ``cpu`` or ``cuda``.
        person: File of ``metafacs personalise`` that fits this model to one person.

    Raises:
        CheckpointError: If the file is no checkpoint or does not say how its faces were cut.
        PersonError: If the person's file is broken or belongs to another model.
    """
    checkpoint = load_checkpoint(path)
    if person is None:
        return detector_of(checkpoint, str(path), device)
    detector = detector_of(checkpoint, str(path), device, load_person(person, checkpoint))
    return replace(detector, description={**detector.description, "person": str(person)})


def detector_of(
    checkpoint: Checkpoint, model: str, device: str = "cpu", person: Person | None = None
) -> Detector:
    """Return the detector of a checkpoint in memory; ``model`` is the name it is described by.

    Raises:
        CheckpointError: If the checkpoint does not say how its faces were cut, or is a few-shot learner,
            which detects nothing before it is fitted to a person.
    """
    framing = framing_of(checkpoint, model)
    predict, aus = _predictor(checkpoint, model, device, person)
    known = checkpoint.description
    own = dict.fromkeys(person.aus, PERSONAL_THRESHOLD) if person else {}
    return Detector(
        predictor=predict,
        aus=aus,
        thresholds={**model_thresholds(checkpoint, model), **own},
        input_size=framing.input_size,
        alignment=framing.alignment,
        description={
            "model": model,
            "method": checkpoint.method,
            "iterations": checkpoint.iteration,
            **known,
        },
        crop_size=framing.crop_size,
        device=device,
    )


def framing_of(checkpoint: Checkpoint, model: str) -> Framing:
    """Return how the faces of a checkpoint were cut; ``model`` is the name it is described by.

    Raises:
        CheckpointError: If the checkpoint does not tell.
    """
    known = checkpoint.description
    missing = [name for name in ("input_size", "alignment") if name not in known]
    alignment = known.get("alignment")
    if missing or not isinstance(alignment, Mapping):
        raise CheckpointError(
            f"{model} does not say its {missing or 'alignment'}; train it with this version of metafacs"
        )
    size = int(str(known["input_size"]))
    crop_size = known.get("crop_size")
    return Framing(
        size, size if crop_size is None else int(str(crop_size)), AlignmentSpec.from_mapping(alignment)
    )


def _predictor(
    checkpoint: Checkpoint, model: str, device: str, person: Person | None
) -> tuple[Callable[[Tensor], Tensor], tuple[int, ...]]:
    """Return the function from pictures to probabilities, and the AUs of its columns."""
    if person is not None:
        fitting = FITTINGS[person.kind](checkpoint, device)
        aus = tuple(sorted({*fitting.aus, *person.aus}))
        tensors = {name: value.to(device) for name, value in person.tensors.items()}
        return fitting.predictor(tensors, aus), aus
    if checkpoint.method in FEW_SHOT:
        raise CheckpointError(
            f"{model} is a few-shot learner ({checkpoint.method}): fit it to a person with 'metafacs "
            "personalise' and give the result with --person"
        )
    method = checkpoint.build_method().to(torch.device(device))
    return lambda images: method.predict(images).probabilities, checkpoint.aus


def model_thresholds(checkpoint: Checkpoint, model: str) -> dict[int, float]:
    """Return the threshold per AU: its own where the checkpoint has one, else the one for all.

    Raises:
        CheckpointError: If the thresholds are of the wrong kind; ``model`` is named.
    """
    description = checkpoint.description
    common = float(str(description.get("threshold", USUAL_THRESHOLD)))
    own = description.get("thresholds", {})
    if not isinstance(own, Mapping):
        raise CheckpointError(f"{model} has thresholds that are no mapping from AU to number; train it again")
    # JSON turned the AU numbers into strings.
    return {au: float(own.get(str(au), own.get(au, common))) for au in checkpoint.aus}
