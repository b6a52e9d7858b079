from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from metafacs.models.onnx_export import to_onnx

onnx = pytest.importorskip("onnx", reason="onnx is not installed")


class Normalising(nn.Module):
    """A normalisation without scale behind a shape that exporters do not follow."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(12, affine=False)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.norm(images.reshape(images.shape[0], -1)),)


def test_the_batch_stays_open_and_the_network_as_it_was() -> None:
    network = Normalising().eval()
    model = onnx.load_model_from_string(to_onnx(network, (3, 2, 2), ("values",)))
    (given,), (told,) = model.graph.input, model.graph.output
    assert given.name == "images"
    assert told.name == "values"
    sizes = given.type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["batch", 3, 2, 2]
    assert told.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert network.norm.weight is None
    assert network.norm.bias is None


def test_what_onnx_has_not_is_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    class Decomposing(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor]:
            return (torch.linalg.svd(images)[1],)

    with pytest.raises(
        ValueError, match=r"cannot be exported to ONNX \(.*svd.*\); run it with torch"
    ) as told:
        to_onnx(Decomposing(), (3, 4, 4), ("values",))
    assert "\n" not in str(told.value)
    assert capfd.readouterr().out == ""
