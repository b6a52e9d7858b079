"""The network of MTAN: the published shapes, and each task on its own path."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.models.attention import AttentionNet
from metafacs.models.backbones import Backbone

TASKS = {"action_units": 5, "expressions": 7}


def build(backbone: str) -> AttentionNet:
    torch.manual_seed(0)
    return AttentionNet(Backbone(backbone).build(), TASKS)  # type: ignore[arg-type]


def test_shapes_on_resnet34_are_the_published_ones() -> None:
    net = build("resnet34")
    for task in TASKS:
        convolutions = [[m for m in part if isinstance(m, nn.Conv2d)] for part in net.attention[task]]
        assert [first.in_channels for first, _ in convolutions] == [64, 256, 512, 1024]
        assert [first.out_channels for first, _ in convolutions] == [16, 32, 64, 128]
        assert [second.out_channels for _, second in convolutions] == [64, 128, 256, 512]
    assert [(e.conv1.in_channels, e.conv3.out_channels) for e in net.encoders] == [
        (64, 128),
        (128, 256),
        (256, 512),
    ]
    assert [e.conv2.kernel_size for e in net.encoders] == [(3, 3)] * 3
    assert [h.in_features for h in net.heads.values()] == [512, 512]


@pytest.mark.parametrize(("backbone", "size"), [("small", 32), ("small", 44), ("resnet18", 112)])
def test_every_task_gets_logits_for_its_own_pictures(backbone: str, size: int) -> None:
    net = build(backbone).eval()
    rows = {"action_units": slice(0, 2), "expressions": slice(2, 3)}
    logits = net(torch.randn(3, 3, size, size), rows)
    assert {task: found.shape for task, found in logits.items()} == {
        "action_units": (2, 5),
        "expressions": (1, 7),
    }


def alone(net: AttentionNet, task: str, images: Tensor) -> Tensor:
    """Return one task's logits on the backbone small, written out layer by layer."""
    trunk = net.backbone.stages
    attend = net.attention[task]
    first = trunk[0:3](images.contiguous(memory_format=torch.channels_last))
    maps = trunk[3:6](first)
    attended = attend[0](first) * maps
    for stage, (pool, convolution) in enumerate((((6, 7), (7, 10)), ((10, 11), (11, 14))), start=1):
        before = trunk[slice(*pool)](maps)
        maps = trunk[slice(*convolution)](before)
        encoded = functional.max_pool2d(net.encoders[stage - 1](attended), 2)
        attended = attend[stage](torch.cat([before, encoded], 1)) * maps
    return net.heads[task](net.backbone.projection(net.backbone.grid(attended).flatten(1)))


def test_a_task_is_what_it_would_be_without_the_other() -> None:
    net = build("small").eval()
    pictures = {"action_units": torch.randn(3, 3, 32, 32), "expressions": torch.randn(2, 3, 32, 32)}
    logits = net(
        torch.cat(list(pictures.values())), {"action_units": slice(0, 3), "expressions": slice(3, 5)}
    )
    for task, images in pictures.items():
        torch.testing.assert_close(logits[task], alone(net, task, images))
    both = net(pictures["expressions"], dict.fromkeys(TASKS, slice(None)))
    for task in TASKS:
        torch.testing.assert_close(both[task], alone(net, task, pictures["expressions"]))


def test_pictures_never_go_through_the_attention_of_the_other_task() -> None:
    net = build("small").train()
    seen: dict[str, set[int]] = {task: set() for task in TASKS}
    for task in TASKS:
        for part in net.attention[task]:
            part.register_forward_hook(lambda _, inputs, __, task=task: seen[task].add(len(inputs[0])))
    net(torch.randn(5, 3, 32, 32), {"action_units": slice(0, 3), "expressions": slice(3, 5)})
    assert seen == {"action_units": {3}, "expressions": {2}}


def test_masks_lie_between_zero_and_one() -> None:
    net = build("small")
    masks = net.attention["expressions"][0](torch.randn(4, 16, 8, 8))
    assert masks.shape == (4, 32, 8, 8)
    assert ((masks > 0) & (masks < 1)).all()
