"""Makes a detector out of a checkpoint file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.detector import Detector
from metafacs.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint

USUAL_THRESHOLD = 0.5


def load_detector(path: Path | str, device: str = "cpu") -> Detector:
    """Return the detector stored in a checkpoint of ``metafacs train``.

    Args:
        path: ``model.safetensors``.
        device: Where to run it, e.g. ``cpu`` or ``cuda``.

    Raises:
        CheckpointError: If the file is no checkpoint or does not say how its faces were cut.
    """
    return detector_of(load_checkpoint(path), str(path), device)


def detector_of(checkpoint: Checkpoint, model: str, device: str = "cpu") -> Detector:
    """Return the detector of a checkpoint in memory; ``model`` is the name it is described by.

    Raises:
        CheckpointError: If the checkpoint does not say how its faces were cut.
    """
    known = checkpoint.description
    missing = [name for name in ("input_size", "alignment") if name not in known]
    alignment = known.get("alignment")
    if missing or not isinstance(alignment, Mapping):
        raise CheckpointError(
            f"{model} does not say its {missing or 'alignment'}; train it with this version of metafacs"
        )
    method = checkpoint.build_method().to(torch.device(device))

    def predict(images: Tensor) -> Tensor:
        return method.predict(images).probabilities

    description = {"model": model, "method": checkpoint.method, "iterations": checkpoint.iteration, **known}
    crop_size = known.get("crop_size")
    return Detector(
        predictor=predict,
        aus=checkpoint.aus,
        thresholds=_thresholds(known, checkpoint.aus, model),
        input_size=int(str(known["input_size"])),
        alignment=AlignmentSpec.from_mapping(alignment),
        description=description,
        crop_size=None if crop_size is None else int(str(crop_size)),
        device=device,
    )


def _thresholds(description: Mapping[str, object], aus: tuple[int, ...], model: str) -> dict[int, float]:
    """Return the threshold per AU: its own where the checkpoint has one, else the one for all."""
    common = float(str(description.get("threshold", USUAL_THRESHOLD)))
    own = description.get("thresholds", {})
    if not isinstance(own, Mapping):
        raise CheckpointError(f"{model} has thresholds that are no mapping from AU to number; train it again")
    # JSON turned the AU numbers into strings.
    return {au: float(own.get(str(au), own.get(au, common))) for au in aus}
