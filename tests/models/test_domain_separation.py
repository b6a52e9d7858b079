from __future__ import annotations

import torch
from torch import Tensor

from metafacs.models.domain_separation import DomainSeparation, attention, swap_domains


def pair() -> tuple[DomainSeparation, Tensor, Tensor]:
    torch.manual_seed(0)
    network = DomainSeparation(6, 5).double()
    source, target = torch.randn(2, 3, 6, 8, 8, dtype=torch.float64).tanh()
    return network, source, target


def test_rounds_are_those_of_the_paper_domain_by_domain() -> None:
    network, f_s, f_t = pair()
    rounds = network(torch.cat([f_s, f_t]))

    def encode(features: Tensor) -> Tensor:
        maps = network.landmark_encoder(features)
        total = torch.zeros_like(maps[:, :1])
        for number in range(5):
            values = maps[:, number].exp()
            total[:, 0] += values / values.sum(dim=(1, 2), keepdim=True)
        return total

    def generate(landmarks: Tensor, background: Tensor) -> Tensor:
        return network.feature_generator(torch.cat([landmarks, background], dim=1))

    g_b = network.background_generator
    f_sl, f_tl, f_sb, f_tb = encode(f_s), encode(f_t), g_b(f_s), g_b(f_t)
    f_sltb, f_sbtl = generate(f_sl, f_tb), generate(f_tl, f_sb)
    # Each mixture gives back the landmarks of one picture and the background of the other.
    again_sl, again_tb = encode(f_sltb), g_b(f_sltb)
    again_tl, again_sb = encode(f_sbtl), g_b(f_sbtl)
    expected = {
        "landmarks": (f_sl, f_tl),
        "background": (f_sb, f_tb),
        "mixed": (f_sltb, f_sbtl),
        "landmarks_again": (again_sl, again_tl),
        "background_again": (again_sb, again_tb),
        "restored": (generate(again_sl, again_sb), generate(again_tl, again_tb)),
    }
    for name, halves in expected.items():
        torch.testing.assert_close(getattr(rounds, name), torch.cat(halves), msg=name)
    torch.testing.assert_close(network.reconstruct(f_t), generate(f_tl, f_tb))


def test_layers_have_the_widths_of_adld() -> None:
    network = DomainSeparation(64, 49)

    def widths(part: torch.nn.Module) -> list[tuple[int, int]]:
        return [(m.in_channels, m.out_channels) for m in part.modules() if isinstance(m, torch.nn.Conv2d)]

    assert widths(network.landmark_encoder) == [(64, 64)] * 4 + [(64, 49)]
    assert widths(network.background_generator) == [(64, 64)] * 4
    assert widths(network.feature_generator) == [(65, 128), (128, 128), (128, 64), (64, 64), (64, 64)]


def test_attention_sums_to_the_number_of_landmarks() -> None:
    found = attention(torch.randn(2, 5, 6, 6))
    assert found.shape == (2, 1, 6, 6)
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)), torch.full((2,), 5.0))


def test_swapping_twice_changes_nothing() -> None:
    rows = torch.arange(6)
    assert swap_domains(rows).tolist() == [3, 4, 5, 0, 1, 2]
    assert torch.equal(swap_domains(swap_domains(rows)), rows)
