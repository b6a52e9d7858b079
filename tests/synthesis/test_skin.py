from __future__ import annotations

from dataclasses import replace

import numpy as np

from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.skin import linear_rgb, paint_skin, skin_tone
from metafacs.synthesis.texture_space import texture_grid


def test_maps_are_albedos() -> None:
    skin = paint_skin(sample_identity(2))
    assert skin.texture.shape == (512, 512, 4)
    assert skin.texture.dtype == np.float32
    assert skin.texture.min() >= 0
    assert skin.texture.max() <= 1.2
    np.testing.assert_array_equal(skin.texture[..., 3], load_face_model().lip_mask)
    assert np.abs(skin.pores).max() < 0.005


def test_melanin_darkens() -> None:
    tones = [skin_tone(melanin).mean() for melanin in np.linspace(0, 1, 9)]
    assert np.all(np.diff(tones) < 0)


def test_beard_darkens_the_chin_only() -> None:
    person = replace(sample_identity(2), melanin=0.1, hair_tone=0, beard=0.0)
    shaven, bearded = (paint_skin(replace(person, beard=beard)).texture[..., :3] for beard in (0.0, 1.0))
    grid = texture_grid()
    chin = (grid.side < 0.2) & (grid.y > 6.38) & (grid.y < 6.5)
    forehead = (grid.side < 0.3) & (grid.y > 7.8)
    assert bearded[chin].mean() < 0.5 * shaven[chin].mean()
    assert abs(bearded[forehead].mean() - shaven[forehead].mean()) < 0.02


def test_display_colours_are_decoded() -> None:
    np.testing.assert_allclose(linear_rgb(255, 0, 127.5), [1, 0, 0.5**2.2], rtol=1e-5)
