"""Write a model as ONNX, for ONNX Runtime, OpenVINO and other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor

from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.cli.own_files import refuse_foreign_file
from metafacs.cli.summary import say
from metafacs.data.transforms import crop_centre
from metafacs.faces.alignment import align
from metafacs.faces.tensors import to_tensor
from metafacs.inference.detector import Detector
from metafacs.inference.exported_model import SUFFIX, export_detector, is_exported
from metafacs.inference.loading import detector_of, load_model
from metafacs.models.backends import backend_version
from metafacs.processes import use_one_thread
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.contact_sheet import portrait_scene
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject, render
from metafacs.texts import printable

_PICTURE = 320
"""Side in pixels of the rendered portraits that both networks are compared on."""


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "model",
        type=Path | None,
        nargs="?",
        default=None,
        help="model.safetensors that 'metafacs train' wrote; without it the detector in the package",
    )
    parser.add_argument("--out", type=Path, default=Path("model.onnx"), help="file to write")
    add_foreign_options(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Write the file and tell how far what it gives lies from what the model gives in PyTorch."""
    out: Path = arguments.out
    if out.suffix != SUFFIX:
        raise ValueError(f"--out is {printable(out)}; give a name that ends in {SUFFIX}")
    refuse_foreign_file(out, is_exported, "model that metafacs exported")
    use_one_thread()
    import_foreign(arguments)
    checkpoint, name = load_model(arguments.model)
    detector = detector_of(checkpoint, name)
    apart = export_detector(detector, checkpoint.fingerprint, out, portraits(detector))
    for backend, distance in apart.items():
        say(f"{backend_version(backend)}: within {distance:.1g} of torch (noise and rendered faces, 1 to 16)")
    say(f"exported: {printable(out)}")


def portraits(detector: Detector) -> Tensor:
    """Return sixteen rendered faces as a detector's network takes them: four displays, each in four lights.

    Args:
        detector: Tells how faces are cut.
    """
    subject, faces = Subject(sample_identity(0)), []
    for number in range(4):
        turn = 0.15 * number
        display = Activation({12: 0.2 * number, 1: 0.9 - 0.2 * number})
        shown = render(subject, display, portrait_scene(_PICTURE, yaw=turn, roll=-turn))
        side = detector.crop_size or detector.input_size
        face = align(shown.image, shown.landmarks, side, detector.alignment)[0]
        faces += [(face * light).astype(np.uint8) for light in (1.0, 0.8, 0.6, 0.4)]
    return to_tensor(crop_centre(np.stack(faces), detector.input_size)[0])
