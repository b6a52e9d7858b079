from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor, nn

from metafacs.models import backends
from metafacs.models.backends import BACKENDS, TORCH, backend_version, check_backend, open_network
from metafacs.models.onnx_export import to_onnx

BACKENDS_ELSEWHERE = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed"))
    for name in BACKENDS
    if name != TORCH
]


class Network(nn.Module):
    """Two outputs; sees height and width apart, and channels apart."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 4, 3, stride=2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.convolution(images)
        return maps.flatten(1), maps.mean((2, 3))


@pytest.fixture(scope="module")
def content() -> bytes:
    pytest.importorskip("onnx", reason="onnx is not installed")
    return to_onnx(Network().eval(), (3, 8, 10), ("maps", "means"))


@pytest.mark.parametrize("backend", BACKENDS_ELSEWHERE)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_network_gives_the_same_elsewhere_for_any_batch(
    backend: str, layout: torch.memory_format, content: bytes
) -> None:
    network, elsewhere = Network(), open_network(content, backend)
    for count in (1, 2, 19):
        images = torch.randn(count, 3, 8, 10).contiguous(memory_format=layout)
        with torch.inference_mode():
            expected = network(images)
        for own, other in zip(expected, elsewhere(images), strict=True):
            torch.testing.assert_close(other, own, rtol=0, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS_ELSEWHERE)
def test_what_was_given_is_not_overwritten_by_the_next_call(backend: str, content: bytes) -> None:
    elsewhere = open_network(content, backend)
    first = elsewhere(torch.ones(1, 3, 8, 10))
    kept = [one.clone() for one in first]
    elsewhere(torch.zeros(1, 3, 8, 10))
    assert all(torch.equal(one, other) for one, other in zip(first, kept, strict=True))


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
def test_openvino_reports_nothing_to_its_makers() -> None:
    words = (
        "import sys; from metafacs.models.backends import load_package; "
        "load_package('openvino', 'openvino').Core(); "
        "print([name for name in sys.modules if 'openvino_telemetry' in name])"
    )
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_openvino_is_told_to_keep_float32_and_its_one_thread() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        settings = backends._openvino_settings()
    finally:
        torch.set_num_threads(before)
    assert settings["INFERENCE_PRECISION_HINT"] == "f32"
    assert settings["INFERENCE_NUM_THREADS"] == 1
    assert settings["ENABLE_CPU_PINNING"] is False


@pytest.mark.parametrize("backend", BACKENDS_ELSEWHERE)
def test_what_is_no_network_is_refused_in_a_sentence(backend: str) -> None:
    with pytest.raises(ValueError, match=rf"{backend} .* cannot run this network"):
        open_network(b"no network", backend)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(backends, "import_module", nothing)
    with pytest.raises(ValueError, match=r"pip install 'metafacs\[openvino\]'"):
        check_backend("openvino")


def test_other_backends_are_for_the_processor() -> None:
    check_backend("torch", "cuda")
    with pytest.raises(ValueError, match="runs on the processor, not on cuda"):
        check_backend("onnxruntime", "cuda")
    with pytest.raises(ValueError, match="choose one of torch, onnxruntime, openvino"):
        check_backend("tensorrt")


def test_a_backend_is_named_with_its_version() -> None:
    assert backend_version("torch") == f"torch {torch.__version__}"
