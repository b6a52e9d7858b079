from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from metafacs.synthesis import face_model
from metafacs.synthesis.face_model import (
    LASHES,
    LEFT_EYE,
    MOUTH_CAVITY,
    RIGHT_EYE,
    SKIN,
    TEETH,
    FaceModel,
    load_face_model,
)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_face_model()


def test_asset_has_the_documented_contents(model: FaceModel) -> None:
    assert model.vertices.shape == (5814, 3)
    assert model.triangles.shape == (10872, 3)
    assert (len(model.units), len(model.ancestry), len(model.build), len(model.shapes)) == (52, 18, 54, 328)
    assert model.landmarks.shape == (68,)
    assert model.lip_mask.shape == (512, 512)
    for code in (SKIN, LEFT_EYE, RIGHT_EYE, TEETH, LASHES, MOUTH_CAVITY):
        assert len(model.triangles_of(code)) > 0


def test_model_is_read_once(model: FaceModel) -> None:
    assert load_face_model() is model


def test_left_is_positive(model: FaceModel) -> None:
    left, right = model.eye_centres
    assert left[0] > 0 > right[0]
    assert np.abs(left + right * [1, -1, -1])[1:].max() < 0.05


def test_macro_shape_interpolates(model: FaceModel) -> None:
    young = model.macro_shape((0, 0, 1), masculinity=1, age=0)
    old = model.macro_shape((0, 0, 1), masculinity=1, age=1)
    between = model.macro_shape((0, 0, 1), masculinity=1, age=0.5)
    np.testing.assert_allclose(between, (young + old) / 2, atol=1e-5)
    assert np.abs(young - old).max() > 0.05


def test_lashes_fall_into_four_parts(model: FaceModel) -> None:
    part = model.connected_parts(LASHES)
    labels = part[model.triangles[model.triangles_of(LASHES)]]
    assert (labels == labels[:, :1]).all()
    assert len(np.unique(labels)) >= 4


def test_face_vertices_leave_out_ears_and_neck(model: FaceModel) -> None:
    face = model.neutral[model.face_vertices]
    assert not model.ear_vertices[model.face_vertices].any()
    assert face[:, 1].min() > 6.25


@pytest.mark.parametrize("what", ["cut", "turned"])
def test_a_damaged_file_of_the_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    whole = (files("metafacs.synthesis") / "assets" / "face_maps.npz").read_bytes()
    middle = len(whole) // 2
    turned = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.npz").write_bytes(whole[:middle] if what == "cut" else turned)
    monkeypatch.setattr(face_model, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match=r"a\.npz is damaged .*; reinstall metafacs"):
        face_model._arrays("a.npz")
