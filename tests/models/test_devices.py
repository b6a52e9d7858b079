import pytest
import torch

from metafacs.models import devices
from metafacs.models.devices import check_device, device_of, random_states, restore_random_states


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize("name", ["cpu", "CPU ", "cpu:0", "auto", torch.device("cpu")])
@pytest.mark.usefixtures("no_gpu")
def test_the_processor_is_always_there(name: str) -> None:
    assert check_device(name) == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "gpu", "mps", "cpu:1"])
@pytest.mark.usefixtures("no_gpu")
def test_a_device_that_is_not_there_is_named_with_what_is(name: str) -> None:
    with pytest.raises(ValueError, match=r"^there is no .* here.*; use cpu$"):
        check_device(name)


@pytest.mark.parametrize("name", ["tpu", "x", "", "meta", "cuda:-1", "cuda:99999", "cuda:\uff11", "\x1b[2J"])
@pytest.mark.usefixtures("no_gpu")
def test_what_is_no_device_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ValueError, match=r"is no device that metafacs knows; use cpu$") as caught:
        check_device(name)
    assert str(caught.value).isprintable()


def test_names_stand_for_the_first_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_gpus", lambda: ["cuda:0", "cuda:1"])
    with pytest.raises(ValueError, match=r"no device 'cuda:2' here; choose one of cpu, cuda:0, cuda:1"):
        check_device("cuda:2")
    with pytest.raises(ValueError, match=r"no device 'mps' here \(.*Mac.*\); choose one of cpu, cuda:0"):
        check_device("mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_listed_and_does_not_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_gpus", lambda: ["cuda:0"])
    for name in ("cuda", "gpu", "auto"):
        with pytest.raises(
            ValueError, match=r"the device 'cuda.*' cannot be used \(.+\); use another, or cpu"
        ):
            check_device(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is there")
def test_a_gpu_is_used() -> None:
    assert check_device("gpu").type == check_device("auto").type == check_device("cuda").type == "cuda"


def test_a_network_is_where_its_parameters_are() -> None:
    with torch.device("meta"):
        assert device_of(torch.nn.Linear(2, 1)).type == "meta"
    assert device_of(torch.nn.Linear(2, 1)) == device_of(torch.nn.Identity()) == torch.device("cpu")


def test_random_numbers_of_a_gpu_are_those_of_its_own_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 1)
    assert random_states(cpu) == {}
    kept: dict[torch.device, torch.Tensor] = {gpu: torch.arange(16, dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: kept[device].clone())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: kept.update({device: state}))
    before = random_states(gpu)
    kept[gpu] = torch.zeros(16, dtype=torch.uint8)
    restore_random_states(before, cpu)
    assert not kept[gpu].any()
    restore_random_states(before, gpu)
    assert torch.equal(kept[gpu], torch.arange(16, dtype=torch.uint8))
    restore_random_states({}, gpu)
    assert torch.equal(kept[gpu], torch.arange(16, dtype=torch.uint8))
