"""The games of separation: whether they can be played, and that a lost one ends the run."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.faces.landmarks import LANDMARKS_68_TO_49
from metafacs.losses.adversarial import one_hot_map_loss
from metafacs.methods.adld import ADLD
from metafacs.methods.adversarial_separation import (
    LANDMARKS,
    GameWatch,
    inner_landmarks,
    share_between_pictures,
)
from metafacs.methods.base import DivergedError
from metafacs.methods.dual_domain import DualDomain
from metafacs.models.domain_separation import DomainSeparation, Rounds
from metafacs.training.domain_adaptation import short_run_optimizers

CHANCE = math.log(64)


@pytest.mark.parametrize("method", [ADLD, DualDomain])
def test_d_l_finds_landmarks_at_the_rate_it_learns_with(method: type[ADLD | DualDomain]) -> None:
    torch.manual_seed(0)
    learner = method((1, 12), width=8)
    (group,) = [
        name
        for name, parameters in learner.parameter_groups().items()
        if any(p is next(learner.network.discriminators.landmarks.parameters()) for p in parameters)  # type: ignore[union-attr]
    ]
    name = "adld" if method is ADLD else "dual_domain"
    rate = short_run_optimizers(name, 8)[group].lr
    # Backgrounds that show every landmark as plainly as can be: half of them in each of two places.
    cells = torch.randint(0, 64, (8, 1)).repeat(1, LANDMARKS)
    background = 0.1 * torch.randn(8, 16, 64)
    background.scatter_add_(2, cells[:, :1, None].expand(8, 16, 1), torch.ones(8, 16, 1))
    network = learner.network.discriminators.landmarks  # type: ignore[union-attr]
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.5, 0.9))
    for _ in range(120):
        loss = one_hot_map_loss(network(background.reshape(8, 16, 8, 8)), cells).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # A constant answer has 1 / cells at best.
    assert loss < 0.5 / 64


def test_inner_landmarks_are_those_of_the_table() -> None:
    points = torch.arange(2.0 * 68 * 2).view(2, 68, 2)
    found = inner_landmarks(Batch(torch.zeros(2, 3, 8, 8), landmarks=points))
    assert torch.equal(found, points[:, list(LANDMARKS_68_TO_49)])


def test_share_between_pictures() -> None:
    torch.manual_seed(0)
    one = torch.randn(1, 4, 8, 8)
    assert share_between_pictures(one.expand(6, -1, -1, -1)) == 0
    assert share_between_pictures(torch.zeros(6, 4, 8, 8)) == 0
    assert share_between_pictures(torch.randn(200, 4, 8, 8)).item() == pytest.approx(1, abs=0.01)
    # As much between pictures as within one.
    mixed = torch.randn(200, 4, 1, 1).expand(-1, -1, 8, 8) + torch.randn(1, 4, 8, 8)
    assert share_between_pictures(mixed).item() == pytest.approx(0.5, abs=0.05)


def rounds(*, alike: bool = False) -> Rounds:
    torch.manual_seed(0)
    found = DomainSeparation(8, 5)(torch.randn(4, 8, 8, 8))
    return found._replace(background=found.background[:1].expand(4, -1, -1, -1)) if alike else found


def losses(domain: float = 0.25, mixed: float = 1.0) -> dict[str, Tensor]:
    return {
        "loss_domain_discriminator": torch.tensor(domain),
        "loss_mixed_cells": torch.tensor(mixed * CHANCE / 2),
    }


def watched(told: dict[str, Tensor], seen: Rounds, progress: float = 0.5) -> GameWatch:
    watch = GameWatch()
    for _ in range(watch.GRACE):
        state = watch(told, seen, progress)
    assert 0 <= state["share_of_background"] <= 1.5
    return watch


def test_sound_games_go_on() -> None:
    level = watched(losses(domain=0.03, mixed=1.5), rounds()).levels
    assert level[0] == pytest.approx(0.03, abs=0.012)


@pytest.mark.parametrize(
    ("told", "alike", "said"),
    [
        (losses(domain=0.005), False, "game of the domains is lost.*0.01.*lower their learning rate"),
        (losses(mixed=2.0), False, "game of the mixtures is lost.*chance is 4.16"),
        (losses(), True, "game of the backgrounds is lost.*landmark_discriminator"),
    ],
)
def test_lost_game_is_named(told: dict[str, Tensor], alike: bool, said: str) -> None:
    seen = rounds(alike=alike)
    with pytest.raises(DivergedError, match=said):
        watched(told, seen)
    # Nobody has learned to play yet.
    watched(told, seen, progress=0.2)


def test_state_of_the_watch_is_kept_with_the_run() -> None:
    watch = watched(losses(), rounds())
    again = GameWatch()
    again.load_state_dict(watch.state_dict())
    assert torch.equal(again.levels, watch.levels)
    assert again.seen == watch.GRACE
    # On a GPU it is looked at in the same iterations as in a run that was not stopped.
    for one in (watch, again):
        one(losses(), rounds(), 0.5)
    assert again._calls == watch._calls == watch.GRACE + 1
