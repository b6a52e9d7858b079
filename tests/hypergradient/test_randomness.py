from __future__ import annotations

import pytest
import torch
import torch.mps

from metafacs.hypergradient.randomness import RandomState


def test_replays_and_goes_on_as_if_nothing_was_drawn() -> None:
    torch.manual_seed(3)
    state = RandomState.capture(torch.device("cpu"))
    first = torch.rand(4)
    with state.replayed():
        again = torch.rand(4)
    then = torch.rand(4)
    torch.manual_seed(3)
    expected = torch.rand(8)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    torch.testing.assert_close(torch.cat([first, then]), expected, rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_replays_what_a_gpu_draws_of_its_own(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    module = torch.cuda if kind == "cuda" else torch.mps
    monkeypatch.setattr(module, "get_rng_state", lambda *_: generator.get_state())
    monkeypatch.setattr(module, "set_rng_state", lambda state, *_: generator.set_state(state))
    state = RandomState.capture(torch.device(kind))
    first = torch.rand(4, generator=generator)
    with state.replayed():
        again = torch.rand(4, generator=generator)
    then = torch.rand(4, generator=generator)
    expected = torch.rand(8, generator=generator.manual_seed(3))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    torch.testing.assert_close(torch.cat([first, then]), expected, rtol=0, atol=0)
