"""Convert MediaPipe's attention mesh (TFLite, Apache-2.0) to src/metafacs/faces/assets.

Where the file comes from: face_landmark_with_attention.tflite is the first of the files that are joined in
face_mesh_solution_packed_assets.data of the npm package @mediapipe/face_mesh 0.4.1657299874. The package as
npm delivers it, the packed file and the TFLite file are all accepted; only this version is. The shipped file
comes out byte for byte.

    npm pack @mediapipe/face_mesh@0.4.1657299874
    python scripts/convert_attention_mesh.py mediapipe-face_mesh-0.4.1657299874.tgz attention_mesh.safetensors

Reading TFLite needs ``pip install tflite``; nothing at run time does.

The graph is cut at MediaPipe's own operators, which ``metafacs.faces.attention_mesh`` has in plain PyTorch:
``Landmarks2TransformMatrix`` (the turned box around some points), ``TransformTensorBilinear`` (a window cut
out of a map) and ``TransformLandmarks`` (points of the window in the picture). Between them lie four ordinary
networks: the trunk with the mesh, and one each for the lips and for either eye with its iris. Each becomes
one list of operators as ``convert_face_models.py`` makes them, under ``parts`` of the model in the metadata.
"""

from __future__ import annotations

import argparse
import hashlib
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from convert_face_models import Constants, Converter, Operator, fold_activations, read_tflite
from numpy.typing import NDArray

from metafacs.faces.attention_points import MARGIN, WINDOWS
from metafacs.tensor_files import save_tensors

PACKED = "package/face_mesh_solution_packed_assets.data"
TFLITE_BYTES = 2_495_952
TFLITE_SHA256 = "883b7411747bac657c30c462d305d312e9dec6adbf8b85e2f5d8d722fca9455d"
INPUT_SIZE, WINDOW_SIZE = 192, 16
# Tensors of this TFLite file: what a part reads and what it gives.
PICTURE, FINE_MAP = 0, 35
MESH, FLAG, TRUNK = 186, 710, 169
PARTS: dict[str, tuple[int, int, int, list[int]]] = {
    # input tensor, its side, its channels, outputs
    "trunk": (PICTURE, INPUT_SIZE, 3, [MESH, FLAG, FINE_MAP, TRUNK]),
    "lips": (199, WINDOW_SIZE, 32, [684, 603]),
    "left_eye": (200, WINDOW_SIZE, 32, [687, 690, 605, 607]),
    "right_eye": (201, WINDOW_SIZE, 32, [693, 696, 609, 611]),
}


def read_original(source: Path) -> bytes:
    """Return the TFLite file out of the npm package, the packed file or as it is.

    Raises:
        SystemExit: If it is not the version that this script knows.
    """
    if source.suffix == ".tgz":
        with tarfile.open(source) as archive:
            member = archive.extractfile(PACKED)
            assert member is not None
            content = member.read(TFLITE_BYTES)
    else:
        content = source.read_bytes()[:TFLITE_BYTES]
    if hashlib.sha256(content).hexdigest() != TFLITE_SHA256:
        raise SystemExit(
            f"{source} is not the attention mesh of @mediapipe/face_mesh 0.4.1657299874; the tensor numbers "
            "in this script hold for that version only"
        )
    return content


def cut(operators: list[Operator], start: int, ends: list[int]) -> list[Operator]:
    """Return the operators, in running order, that lead from one tensor to others."""
    needed = set(ends) - {start}
    chosen: list[Operator] = []
    for operator in reversed(operators):
        if needed.intersection(operator[2]):
            chosen.append(operator)
            needed |= {tensor for tensor in operator[1] if tensor != start}
    return chosen[::-1]


def check_windows(operators: list[Operator]) -> None:
    """Refuse a file whose windows are not those that ``attention_mesh`` cuts."""
    found = [
        operator[3]["options"]
        for operator in operators
        if operator[3].get("name") == "Landmarks2TransformMatrix"
    ]
    wanted = [
        {"subset_idxs": list(window.points)}
        | {"left_rotation_idx": window.corners[0], "right_rotation_idx": window.corners[1]}
        | {"scale_x": MARGIN, "scale_y": MARGIN, "target_rotation_radians": 0.0}
        | {"output_height": WINDOW_SIZE, "output_width": WINDOW_SIZE}
        for window in WINDOWS.values()
    ]
    if found != wanted:
        raise SystemExit("the windows of this file are not those of metafacs.faces.attention_points")


def convert_part(
    name: str, operators: list[Operator], constants: Constants
) -> tuple[dict[str, Any], dict[str, NDArray[np.float16]]]:
    """Return the description of one part and its weights, named ``part.weight``."""
    start, size, channels, ends = PARTS[name]
    converter = Converter(constants, start, size)
    for operator in cut(operators, start, ends):
        converter.convert(operator)
    model = {"input": start, "input_size": size, "input_channels": channels, "outputs": ends}
    model["steps"] = fold_activations(converter.steps, ends)
    return model, {f"{name}.{key}": weight for key, weight in converter.weights.items()}


def main() -> None:
    """Convert the one file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "source", type=Path, help="the npm package (.tgz), its packed file or the .tflite file"
    )
    parser.add_argument("target", type=Path, help="the .safetensors file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        original = Path(folder) / "face_landmark_with_attention.tflite"
        original.write_bytes(read_original(arguments.source))
        operators, _, _, constants = read_tflite(original)
    check_windows(operators)
    parts: dict[str, dict[str, Any]] = {}
    weights: dict[str, NDArray[np.float16]] = {}
    for name in PARTS:
        parts[name], part_weights = convert_part(name, operators, constants)
        weights |= part_weights
    model = {
        "parts": parts,
        "origin": "MediaPipe, Copyright The MediaPipe Authors, Apache-2.0, "
        "converted from TFLite to float16 safetensors",
    }
    save_tensors(arguments.target, {name: torch.from_numpy(value) for name, value in weights.items()}, model)
    steps = sum(len(part["steps"]) for part in parts.values())
    print(f"{arguments.target}: {steps} operators, {arguments.target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
