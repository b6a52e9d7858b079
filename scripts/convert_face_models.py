"""Convert MediaPipe's face models (TFLite, Apache-2.0) to the safetensors files in src/metafacs/faces/assets.

That of ``facemesh`` lies in src/metafacs/models/assets, because its trunk is a backbone, too.

Where the files come from:

    blaze_full: face_detection_full_range.tflite in the npm package @mediapipe/face_detection 0.4
    facemesh:   face_landmark.tflite in the mediapipe wheels 0.10.14 to 0.10.21
    blaze_back: face_detection_back.tflite in MediaPipe's source tree of the 0.8 releases

The first two shipped files come out of this script byte for byte from those packages; the third was converted
from its ``.npz`` (below), whose TFLite file is no longer in a current package.

Both float16 and float32 files work; weights are stored as float16, which is what Google ships. An ``.npz``
with the operators as JSON under ``meta`` and the constants as ``w<tensor>`` is accepted too: it is the same
content between the two steps, and reading it needs no TFLite parser.

    python scripts/convert_face_models.py face_landmark.tflite facemesh.safetensors --input-size 192
    python scripts/convert_face_models.py blaze_full.npz blaze_full.safetensors --input-size 192
    python scripts/convert_face_models.py blaze_back.npz blaze_back.safetensors --input-size 256

Reading TFLite needs ``pip install tflite`` (the flatbuffer schema only); nothing at run time does. The result
holds the weights in PyTorch's layout and, as JSON in the safetensors metadata, a list of operators for
``metafacs.faces.graph_network``, with activations folded into the operator before them and TFLite's "same"
padding written out in pixels.

The attention variant of the face mesh has operators of MediaPipe's own and is converted in parts by
``convert_attention_mesh.py``, which uses the functions of this file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.tensor_files import save_tensors

Operator = tuple[str, list[int], list[int], dict[str, Any]]
Constants = dict[int, NDArray[Any]]

SAME = 0  # tflite.Padding.SAME
ACTIVATIONS = {0: "none", 1: "relu", 3: "relu6"}


def read_npz(path: Path) -> tuple[list[Operator], list[int], list[int], Constants]:
    """Return operators, input tensors, output tensors and constants of a model saved between the steps."""
    archive = np.load(path)
    meta = json.loads(bytes(archive["meta"]))
    constants = {int(name[1:]): archive[name] for name in archive.files if name != "meta"}
    operators = [(kind, inputs, outputs, attributes) for kind, inputs, outputs, attributes in meta["ops"]]
    return operators, meta["inp"], meta["out"], constants


def read_tflite(path: Path) -> tuple[list[Operator], list[int], list[int], Constants]:
    """Return the same as :func:`read_npz` from a TFLite flatbuffer."""
    import tflite
    from flatbuffers import flexbuffers

    names = {value: key for key, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    dtypes = {0: np.float32, 1: np.float16, 2: np.int32}

    def constant(index: int) -> NDArray[Any] | None:
        tensor = graph.Tensors(index)
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(data, int) or len(data) == 0:
            return None
        shape = tensor.ShapeAsNumpy()
        return np.frombuffer(data.tobytes(), dtypes[tensor.Type()]).reshape(
            () if isinstance(shape, int) else shape
        )

    def options(operator: Any, kind: Any) -> Any:
        parsed, table = kind(), operator.BuiltinOptions()
        parsed.Init(table.Bytes, table.Pos)
        return parsed

    constants: Constants = {}
    operators: list[Operator] = []
    for position in range(graph.OperatorsLength()):
        operator = graph.Operators(position)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [int(operator.Inputs(k)) for k in range(operator.InputsLength())]
        outputs = [int(operator.Outputs(k)) for k in range(operator.OutputsLength())]
        if kind == "DEQUANTIZE":
            value = constant(inputs[0])
            if value is not None:
                constants[outputs[0]] = value
            continue
        attributes: dict[str, Any] = {}
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            chosen = tflite.Conv2DOptions if kind == "CONV_2D" else tflite.DepthwiseConv2DOptions
            parsed = options(operator, chosen)
            attributes = {"s": [parsed.StrideH(), parsed.StrideW()], "p": parsed.Padding()}
            attributes["act"] = parsed.FusedActivationFunction()
        elif kind == "MAX_POOL_2D":
            parsed = options(operator, tflite.Pool2DOptions)
            attributes = {"s": [parsed.StrideH(), parsed.StrideW()], "p": parsed.Padding()}
            attributes["k"] = [parsed.FilterHeight(), parsed.FilterWidth()]
        elif kind == "ADD":
            attributes = {"act": options(operator, tflite.AddOptions).FusedActivationFunction()}
        elif kind == "CONCATENATION":
            attributes = {"axis": options(operator, tflite.ConcatenationOptions).Axis()}
        elif kind == "RESIZE_BILINEAR":
            parsed = options(operator, tflite.ResizeBilinearOptions)
            attributes = {"ac": bool(parsed.AlignCorners()), "hp": bool(parsed.HalfPixelCenters())}
        elif kind == "RESHAPE":
            attributes = {"shape": [int(v) for v in graph.Tensors(outputs[0]).ShapeAsNumpy()]}
        elif kind == "CUSTOM":
            attributes = {"name": code.CustomCode().decode()}
            if operator.CustomOptionsLength():
                attributes["options"] = flexbuffers.Loads(operator.CustomOptionsAsNumpy().tobytes())
        for index in inputs:
            value = constant(index) if index >= 0 and index not in constants else None
            if value is not None:
                constants[index] = value
        operators.append((kind, inputs, outputs, attributes))
    ends = [int(graph.Outputs(k)) for k in range(graph.OutputsLength())]
    return operators, [int(graph.Inputs(0))], ends, constants


def same_padding(size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]) -> list[int]:
    """Return TFLite's "same" padding as [left, right, top, bottom] in pixels."""
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
    return [total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2]


class Converter:
    """Turns TFLite operators into the operators of ``graph_network``, following the size of every map."""

    def __init__(self, constants: Constants, input_tensor: int, input_size: int) -> None:
        self.constants = constants
        self.sizes: dict[int, tuple[int, int]] = {input_tensor: (input_size, input_size)}
        self.weights: dict[str, NDArray[np.float16]] = {}
        self.steps: list[dict[str, Any]] = []

    def keep(self, name: str, value: NDArray[Any]) -> str:
        """Store one weight as float16 and return its name."""
        self.weights[name] = np.ascontiguousarray(value.astype(np.float16))
        return name

    def convert(self, operator: Operator) -> None:
        """Append one operator."""
        kind, inputs, outputs, options = operator
        size = self.sizes.get(inputs[0])
        step: dict[str, Any] = {"inputs": [inputs[0]], "output": outputs[0]}
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            depthwise = kind == "DEPTHWISE_CONV_2D"
            weight = self.constants[inputs[1]].transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
            size = self._window(step, options, size, weight.shape[2:])
            name = f"convolution_{len(self.steps)}"
            step |= {"kind": "convolution", "groups": weight.shape[0] if depthwise else 1}
            step |= {"weight": self.keep(f"{name}.weight", weight)}
            step |= {"bias": self.keep(f"{name}.bias", self.constants[inputs[2]])}
            step |= {"activation": ACTIVATIONS[options["act"]]}
        elif kind == "MAX_POOL_2D":
            size = self._window(step, options, size, options["k"])
            step |= {"kind": "max_pool", "kernel": options["k"]}
        elif kind == "ADD":
            step |= {"kind": "add", "inputs": inputs, "activation": ACTIVATIONS[options["act"]]}
        elif kind in ("RELU", "PRELU"):
            step |= {"kind": "activation", "activation": kind.lower()}
            if kind == "PRELU":
                slope = self.constants[inputs[1]].reshape(-1)
                step |= {"slope": self.keep(f"activation_{len(self.steps)}.slope", slope)}
        elif kind == "PAD":
            amounts = self.constants[inputs[1]].tolist()
            if any(amounts[axis] != [0, 0] for axis in (0, 1, 2)) or amounts[3][0]:
                raise SystemExit(
                    f"only channels are expected to be padded, and only after the last, not {amounts}"
                )
            step |= {"kind": "pad_channels", "count": amounts[3][1]}
        elif kind == "RESIZE_BILINEAR":
            if options["ac"] or not options["hp"]:
                raise SystemExit("only half-pixel bilinear resizing is expected")
            height, width = (int(n) for n in self.constants[inputs[1]])
            size = (height, width)
            step |= {"kind": "resize", "size": [height, width]}
        elif kind == "RESHAPE":
            step |= {"kind": "rows", "columns": options["shape"][-1]}
        elif kind == "CONCATENATION":
            step |= {"kind": "concatenate", "inputs": inputs, "axis": options["axis"]}
        else:
            raise SystemExit(f"operator {kind} is not known to graph_network")
        if size is not None:
            self.sizes[outputs[0]] = size
        self.steps.append(step)

    def _window(
        self, step: dict[str, Any], options: dict[str, Any], size: tuple[int, int] | None, kernel: Any
    ) -> tuple[int, int]:
        if size is None:
            raise SystemExit("a window operator follows a reshape; its size is unknown")
        stride, kernel = tuple(options["s"]), tuple(int(k) for k in kernel)
        same = options["p"] == SAME
        step |= {
            "stride": list(stride),
            "padding": same_padding(size, kernel, stride) if same else [0, 0, 0, 0],
        }
        if same:
            return -(-size[0] // stride[0]), -(-size[1] // stride[1])
        return (size[0] - kernel[0]) // stride[0] + 1, (size[1] - kernel[1]) // stride[1] + 1


def fold_activations(steps: list[dict[str, Any]], outputs: list[int]) -> list[dict[str, Any]]:
    """Move an activation into the convolution or sum before it where nothing else reads that map."""
    readers: dict[int, int] = dict.fromkeys(outputs, 1)
    for step in steps:
        for tensor in step["inputs"]:
            readers[tensor] = readers.get(tensor, 0) + 1
    folded: list[dict[str, Any]] = []
    writer: dict[int, dict[str, Any]] = {}
    for step in steps:
        before = writer.get(step["inputs"][0])
        free = before is not None and before.get("activation") == "none" and readers[step["inputs"][0]] == 1
        if step["kind"] == "activation" and before is not None and free:
            before |= {key: step[key] for key in ("activation", "slope", "output") if key in step}
            writer[step["output"]] = before
            continue
        folded.append(step)
        writer[step["output"]] = step
    return folded


def main() -> None:
    """Convert one file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="a .tflite file, or the .npz between the two steps")
    parser.add_argument("target", type=Path, help="the .safetensors file to write")
    parser.add_argument(
        "--input-size", type=int, required=True, help="side of the square input picture in pixels"
    )
    arguments = parser.parse_args()
    read = read_npz if arguments.source.suffix == ".npz" else read_tflite
    operators, starts, ends, constants = read(arguments.source)
    converter = Converter(constants, starts[0], arguments.input_size)
    for operator in operators:
        converter.convert(operator)
    model = {
        "input": starts[0],
        "input_size": arguments.input_size,
        "outputs": ends,
        "steps": fold_activations(converter.steps, ends),
        "origin": "MediaPipe, Copyright The MediaPipe Authors, Apache-2.0, "
        "converted from TFLite to float16 safetensors",
    }
    weights = {name: torch.from_numpy(value) for name, value in converter.weights.items()}
    save_tensors(arguments.target, weights, model)
    print(
        f"{arguments.target}: {len(model['steps'])} operators, {arguments.target.stat().st_size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main()
