"""Options as configurations and model files hold them: today's form, older ones, and those that are wrong."""

from __future__ import annotations

import pytest

from metafacs.methods import METHODS
from metafacs.methods.base import Method
from metafacs.methods.l2t_ww import L2TWW
from metafacs.methods.mal import MAL
from metafacs.methods.options import arguments_of, complete_options, upgraded_options
from metafacs.methods.source_only import SourceOnly
from metafacs.models.backbones import Backbone


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"backbone": "small"}, Backbone("small")),
        ({"backbone": "small", "weights": "faces"}, Backbone("small", "faces")),
        ({"backbone": {"name": "small", "weights": "faces"}}, Backbone("small", "faces")),
        ({"backbone": {"weights": "imagenet"}}, Backbone("resnet34", "imagenet")),
        ({"weights": None}, Backbone("resnet34")),
        ({"backbone": Backbone("resnet18")}, Backbone("resnet18")),
    ],
)
def test_every_form_of_a_backbone_is_read(options: dict, expected: Backbone) -> None:
    assert arguments_of(MAL, options)["backbone"] == expected


def test_renamed_options_are_found_under_their_old_names() -> None:
    old = {"source": "t.safetensors", "source_backbone": "small", "backbone": "small"}
    assert upgraded_options(L2TWW, old) == {
        "backbone": {"name": "small"},
        "teacher": "t.safetensors",
        "teacher_backbone": "small",
    }


def test_wrong_options_are_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"SourceOnly has no option widht; its options are width"):
        arguments_of(SourceOnly, {"widht": 4})
    with pytest.raises(ValueError, match="L2TWW needs the option teacher"):
        L2TWW.build((1,), options={"backbone": "small"})
    with pytest.raises(ValueError, match="has no option weights"):
        arguments_of(SourceOnly, {"weights": "none"})


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (SourceOnly, {"width": 0}, r"the option width of SourceOnly is 0; give a number from 1 to 4,096"),
        (SourceOnly, {"width": 10**9}, "the option width of SourceOnly is 1000000000"),
        (MAL, {"backbone": 3}, "the option backbone is no backbone"),
        (MAL, {"backbone": {"nam": "small"}}, "the option backbone is no backbone .*nam"),
        (METHODS["multi_task"], {"balance": float("nan")}, "the option balance of MultiTask is nan"),
        (METHODS["dual_domain"], {"cell_weight": -1.0}, "the option cell_weight of DualDomain is -1.0"),
    ],
)
def test_options_out_of_range_are_refused(kind: type[Method], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        arguments_of(kind, options)


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"l2t_ww"}))
def test_all_options_are_plain_data_and_complete(name: str) -> None:
    found = complete_options(METHODS[name], {})
    assert complete_options(METHODS[name], found) == found
    if "backbone" in found:
        assert found["backbone"] == {"name": "resnet34", "weights": "none"}
