from __future__ import annotations

import torch

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
