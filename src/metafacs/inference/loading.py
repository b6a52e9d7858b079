"""Makes a detector out of a model file: the one in the package, or any other."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint
from metafacs.hub import WEIGHTS, HubFile, fetch, is_reference, parse_reference
from metafacs.inference.detector import Detector
from metafacs.inference.exported_model import SUFFIX, load_exported
from metafacs.inference.exported_network import on_backend
from metafacs.methods import FEW_SHOT
from metafacs.methods.base import Method
from metafacs.models.backends import ONNX_RUNTIME, TORCH, check_backend
from metafacs.models.devices import check_device
from metafacs.models.model_file import CheckpointError
from metafacs.personalisation.person import FITTINGS, Person, load_person

PERSONAL_THRESHOLD = 0.5
"""Fitted logits are balanced, so that they cut at one half whatever the model's own threshold is."""


PACKAGED_MODEL = Path(str(files("metafacs.inference").joinpath("assets", "people.safetensors")))
"""The detector that comes with the package; ``metafacs detector build`` makes it from rendered people."""

PACKAGED_REAL_FACES = PACKAGED_MODEL.with_name("people_real_faces.json")
"""What ``benchmarks/real_faces.py`` measured of it."""

PACKAGED_NAME = "metafacs people detector"


def model_file(path: Path | None = None) -> tuple[Path | None, Path]:
    """Return what names a model for good, and its file on this machine.

    A model of the Hub is downloaded unless the cache holds it, see :func:`metafacs.hub.fetch`. It is named by
    its commit, with which other processes find the same file without asking the Hub.

    Args:
        path: As for :func:`load_detector`.
    """
    if path is None:
        return None, PACKAGED_MODEL
    if is_reference(path):
        found = _from_hub(path)
        return Path(found.name), found.path
    return path, path


def _from_hub(reference: Path | str) -> HubFile:
    repository, revision = parse_reference(reference)
    return fetch(repository, WEIGHTS, revision)


def load_model(path: Path | str | None = None) -> tuple[Checkpoint, str]:
    """Return a model and the name that it is described by.

    Args:
        path: ``model.safetensors`` of ``metafacs train``; ``hf:user/name`` or ``hf:user/name@revision`` for
            one on the Hugging Face Hub; None for the detector in the package.

    Returns:
        The model, and its path; of one on the Hub its name with the commit; of the packaged one a name with
        its fingerprint, because its path says nothing to a reader of the results.

    Raises:
        CheckpointError: If the file is no model, or there is none in the package.
        HubError: If the Hub has no such model, or does not give it.
        ConnectionError: If the Hub cannot be reached and its cache holds no copy.
    """
    if is_reference(path):
        found = _from_hub(str(path))
        try:
            return replace(load_checkpoint(found.path), source=found.name), found.name
        except CheckpointError as error:
            raise CheckpointError(
                f"{found.name}: {error}; if it was damaged on the way, delete {found.path.resolve()} to "
                "download it again"
            ) from error
    if path is not None and Path(path).suffix == SUFFIX:
        raise CheckpointError(
            f"{path} is an exported model, which only tells what faces show; give the model.safetensors that "
            "it was made of"
        )
    if path is not None:
        return load_checkpoint(path), str(path)
    if not PACKAGED_MODEL.is_file():
        raise CheckpointError(
            f"this copy of metafacs holds no detector ({PACKAGED_MODEL} does not exist): name a model of "
            "your own, or build the detector with 'metafacs detector build' and put it there"
        )
    checkpoint = load_checkpoint(PACKAGED_MODEL)
    return checkpoint, f"{PACKAGED_NAME} {checkpoint.fingerprint}"


def load_detector(
    path: Path | str | None = None,
    device: str = "cpu",
    person: Path | str | None = None,
    backend: str | None = None,
) -> Detector:
    """Return the detector in the package, or one of your own training.

    Args:
        path: ``model.safetensors`` of ``metafacs train``, or ``model.onnx`` of ``metafacs export``;
            ``hf:user/name`` or ``hf:user/name@revision`` for one on the Hugging Face Hub, which is downloaded
            once; None for the detector in the package, which was trained on rendered people.
        device: Where to run it: ``cpu``, ``cuda``, ``mps``, ``gpu`` for whichever there is, or ``auto``.
        person: File of ``metafacs personalise`` that fits this model to one person.
        backend: What runs its networks and those that find faces: ``torch``, ``onnxruntime`` or ``openvino``;
            None for ``torch``, for ``onnxruntime`` of an exported model.

    Raises:
        CheckpointError: If the file is no checkpoint or does not say how its faces were cut, or if there is
            no detector in the package.
        PluginError: If its method is not of this package and nobody has imported it.
        PersonError: If the person's file is broken or belongs to another model.
        HubError: If the Hub has no such model, or does not give it.
        ConnectionError: If the Hub cannot be reached and its cache holds no copy.
        ValueError: If there is no such device here, or the backend cannot be used.
    """
    exported = path is not None and not is_reference(path) and Path(path).suffix == SUFFIX
    backend = backend or (ONNX_RUNTIME if exported else TORCH)
    check_backend(backend, check_device(device))
    if person is not None and backend != TORCH:
        raise ValueError(
            f"the backend {backend} runs models as they were trained; one that is fitted to a person needs "
            "model.safetensors and the backend torch"
        )
    if path is not None and exported:
        return load_exported(Path(path), backend)
    checkpoint, name = load_model(path)
    if person is None:
        return on_backend(detector_of(checkpoint, name, device), backend)
    detector = detector_of(checkpoint, name, device, load_person(person, checkpoint))
    return replace(detector, description={**detector.description, "person": str(person)})


def detector_of(
    checkpoint: Checkpoint, model: str, device: str = "cpu", person: Person | None = None
) -> Detector:
    """Return the detector of a checkpoint in memory; ``model`` is the name it is described by.

    Raises:
        CheckpointError: If the checkpoint is a few-shot learner, which detects nothing before it is fitted to
            a person, or what it says of itself does not go together.
        ValueError: If there is no such device here.
    """
    device = str(check_device(device))
    known = checkpoint.description
    experimental = known.experimental
    own: dict[int, float] = {}
    if person is not None:
        fitting = FITTINGS[person.kind](checkpoint, device)
        person.check_fits(fitting)
        aus = tuple(sorted({*fitting.aus, *person.aus}))
        tensors = {name: value.to(device) for name, value in person.tensors.items()}
        predict = fitting.predictor(tensors, aus)
        intensities, pose = False, fitting.gives_pose
        own = dict.fromkeys(person.aus, PERSONAL_THRESHOLD)
    elif checkpoint.method in FEW_SHOT:
        raise CheckpointError(
            f"{model} is a few-shot learner ({checkpoint.method}): fit it to a person with 'metafacs "
            "personalise' and give the result with --person"
        )
    else:
        method = checkpoint.build(Method).to(device)
        predict, aus = method.predict, checkpoint.aus
        intensities, pose = method.gives_intensities, method.gives_pose
    try:
        return Detector(
            predictor=predict,
            aus=aus,
            thresholds={**{au: known.threshold_of(au) for au in checkpoint.aus}, **own},
            input_size=known.framing.input_size,
            alignment=known.framing.alignment,
            description={
                "model": model,
                "method": checkpoint.method,
                "iterations": checkpoint.iteration,
                **known.to_json(),
            },
            crop_size=known.framing.crop_size,
            device=device,
            intensities=intensities,
            pose=pose,
            experimental=experimental,
        )
    except ValueError as error:
        raise CheckpointError(f"{model} says what does not go together: {error}") from error
