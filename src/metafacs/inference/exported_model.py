"""A detector as an ONNX file: the network, and in its metadata all that is needed to use it alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta
from torch import Tensor

from metafacs.checkpoints.description import Probability, Side
from metafacs.faces.alignment import AlignmentSpec
from metafacs.files import write_bytes
from metafacs.inference.detector import Detector
from metafacs.inference.exported_network import (
    ExportedPredictor,
    Part,
    network_of,
    noise,
    parts_of,
    refuse_others,
)
from metafacs.models.backends import BACKENDS, ONNX_RUNTIME, TORCH, check_backend, load_package, open_network
from metafacs.models.model_file import CheckpointError
from metafacs.parsing import parse_json
from metafacs.seals import sealed, unsealed
from metafacs.version import __version__

SUFFIX = ".onnx"
FORMAT = "metafacs-onnx-1"

HEADER = "metafacs"
"""Where in the file's metadata the description is, as JSON."""

REMEDY = "export it again with 'metafacs export'"

NORMALISATION = "RGB values 0 to 255, divided by 127.5, less 1; batch x 3 x height x width"
"""What the input of the network is made of, see :func:`metafacs.faces.tensors.to_tensor`."""


@dataclass(frozen=True)
class ExportHeader:
    """What an exported model says of itself.

    Attributes:
        format: Kind and version of the file.
        metafacs: Version that wrote it.
        normalisation: How pixels become the network's input.
        outputs: What the network gives, in order.
        aus: FACS numbers of its columns.
        thresholds: AU -> probability from which on it counts as present.
        experimental: AUs that are not shown to carry over to real people.
        input_size: Side of the network's input in pixels.
        crop_size: Side of the aligned crop of which it sees the centre.
        alignment: How faces are aligned, grey value of the border included.
        fingerprint: Of the weights that it was made of.
        description: What is known of the model: method, data, licence.
        network_bytes: Length of the network in the file, which comes first.
        network_sha256: Its digest.
    """

    format: str
    metafacs: str
    normalisation: str
    outputs: tuple[Part, ...]
    aus: tuple[int, ...]
    thresholds: dict[int, Probability]
    experimental: tuple[int, ...]
    input_size: Side
    crop_size: Side
    alignment: dict[str, Any]
    fingerprint: str
    description: dict[str, Any]
    network_bytes: Annotated[int, Meta(ge=1)]
    network_sha256: str


def export_detector(detector: Detector, fingerprint: str, path: Path, pictures: Tensor) -> dict[str, float]:
    """Write a detector as an ONNX file, after comparing it with PyTorch on every backend that is installed.

    Args:
        detector: In PyTorch, on the processor.
        fingerprint: Of its weights.
        path: The file.
        pictures: Sixteen of faces, as the network takes them.

    Returns:
        Backend -> how far its answers lie from PyTorch's at most.

    Raises:
        ValueError: If it cannot be exported, no backend is installed, or one gives other answers; nothing is
            written then.
        OSError: If the file cannot be written.
    """
    backends = [backend for backend in BACKENDS if backend != TORCH and _is_installed(backend)]
    if not backends:
        check_backend(ONNX_RUNTIME)
    network = network_of(detector, backends[0])
    batches = [batch for count in (1, 3, 16) for batch in (noise(detector, count), pictures[:count])]
    apart = {}
    for backend in backends:
        predictor = ExportedPredictor(open_network(network, backend), parts_of(detector))
        apart[backend] = refuse_others(detector, predictor, backend, batches)
    header = ExportHeader(
        format=FORMAT,
        metafacs=__version__,
        normalisation=NORMALISATION,
        outputs=parts_of(detector),
        aus=detector.aus,
        thresholds={au: detector.thresholds[au] for au in detector.aus},
        experimental=detector.experimental,
        input_size=detector.input_size,
        crop_size=detector.crop_size or detector.input_size,
        alignment=asdict(detector.alignment),
        fingerprint=fingerprint,
        description=dict(detector.description),
        network_bytes=len(network),
        network_sha256=hashlib.sha256(network).hexdigest(),
    )
    write_bytes(path, network + _metadata(header))
    return apart


def load_exported(path: Path, backend: str = ONNX_RUNTIME) -> Detector:
    """Return the detector in an ONNX file of :func:`export_detector`.

    Args:
        path: The file.
        backend: What runs it and the networks that find faces.

    Raises:
        CheckpointError: If the file is missing, damaged, or was not written by metafacs.
        ValueError: If the backend cannot be used here, or is PyTorch.
    """
    if backend == TORCH:
        raise ValueError(
            f"{path} is an exported model, which torch does not run: take the backend onnxruntime or "
            "openvino, or give the model.safetensors that it was made of"
        )
    check_backend(backend)
    header, network = read_exported(path, backend)
    try:
        return Detector(
            predictor=ExportedPredictor(open_network(network, backend), header.outputs),
            aus=header.aus,
            thresholds=header.thresholds,
            input_size=header.input_size,
            alignment=AlignmentSpec.from_mapping(header.alignment),
            description={
                **header.description,
                "model": str(path),
                "exported_from": {
                    "model": header.description.get("model"),
                    "fingerprint": header.fingerprint,
                    "metafacs": header.metafacs,
                },
            },
            crop_size=header.crop_size,
            intensities="intensities" in header.outputs,
            pose="pose" in header.outputs,
            experimental=header.experimental,
            backend=backend,
        )
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}; {REMEDY}") from error


def is_exported(path: Path) -> bool:
    """Return whether a file is a model that metafacs exported, of this version or another."""
    onnx = load_package("onnx", ONNX_RUNTIME)
    try:
        metadata = onnx.load_model_from_string(path.read_bytes()).metadata_props
    except Exception:  # protobuf's own, and whatever is wrong with the file
        return False
    return any(one.key == HEADER for one in metadata)


def read_exported(path: Path, extra: str = ONNX_RUNTIME) -> tuple[ExportHeader, bytes]:
    """Return what an exported model says of itself, and its network.

    Args:
        path: The file.
        extra: Which extra to name if the package ``onnx`` is missing.

    Raises:
        CheckpointError: If the file is missing, damaged, or was not written by metafacs.
        ValueError: If the package ``onnx`` is not installed.
    """
    onnx = load_package("onnx", extra)
    if not path.is_file():
        wrong = "is no regular file" if path.exists() else "does not exist"
        raise CheckpointError(f"{path} {wrong}; give the model.onnx that 'metafacs export' wrote")
    try:
        content = path.read_bytes()
        metadata = {one.key: one.value for one in onnx.load_model_from_string(content).metadata_props}
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error})") from error
    except Exception as error:  # protobuf's own
        raise CheckpointError(f"{path} is truncated or no ONNX file; {REMEDY}") from error
    if HEADER not in metadata:
        raise CheckpointError(
            f"{path} is an ONNX file but none of metafacs: it does not say how faces are cut; {REMEDY}"
        )
    source = f"{path}, description"
    told = parse_json(metadata[HEADER], dict[str, Any], source, CheckpointError, REMEDY)
    if told.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {told.get('format')!r}; this version reads {FORMAT!r}: {REMEDY}"
        )
    plain = json.dumps(unsealed(told, source, CheckpointError, REMEDY))
    header = parse_json(plain, ExportHeader, source, CheckpointError, REMEDY)
    network = content[: header.network_bytes]
    if hashlib.sha256(network).hexdigest() != header.network_sha256:
        raise CheckpointError(
            f"{path} is damaged or was changed: its network is not what was written; {REMEDY}"
        )
    return header, network


def _metadata(header: ExportHeader) -> bytes:
    """Return the description as it stands behind a network: ONNX files are added up field by field."""
    onnx = load_package("onnx", ONNX_RUNTIME)
    plain: Mapping[str, Any] = json.loads(json.dumps(asdict(header)))
    text = json.dumps(sealed(plain), allow_nan=False)
    entry = onnx.StringStringEntryProto(key=HEADER, value=text)
    content: bytes = onnx.ModelProto(metadata_props=[entry]).SerializeToString()
    return content


def _is_installed(backend: str) -> bool:
    try:
        check_backend(backend)
    except ValueError:
        return False
    return True
