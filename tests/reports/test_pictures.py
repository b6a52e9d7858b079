from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.reports.pictures import embedded, weight_extremes, weight_rows


def test_picture_is_held_as_data(tmp_path: Path) -> None:
    grey = np.full((40, 60), 128, np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    for source in (Image.fromarray(grey), grey, tmp_path / "grey.png"):
        picture = embedded(source, alt="grey", side=30)
        kind, data = picture.source.split(",")
        assert kind == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as decoded:
            assert decoded.size == (picture.width, picture.height) == (30, 20)


def test_metadata_stays_behind(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "who took this"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    data = base64.b64decode(embedded(tmp_path / "a.jpg", alt="black").source.split(",")[1])
    assert b"who took this" not in data


def test_given_picture_is_not_changed() -> None:
    image = Image.new("RGB", (50, 50))
    embedded(image, alt="black", side=10)
    assert image.size == (50, 50)


def test_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        embedded(np.zeros((4, 4, 3)), alt="float")


def test_extremes_are_the_lowest_and_highest_in_order() -> None:
    weights = np.array([0.9, 0.1, 0.5, 0.3, 0.7, 0.2, 0.6])
    labels = np.array([0, 0, 0, 0, 0, 1, -1])
    first, second = weight_extremes(weights, labels, 2, per_side=2)
    assert weights[first].tolist() == [0.1, 0.3, 0.7, 0.9]
    assert second.tolist() == [5]


def test_rows_print_weight_and_consistency_in_the_corner() -> None:
    pictures = [Image.new("RGB", (8, 8)) for _ in range(5)]
    weights, labels = np.linspace(0.1, 0.9, 5), np.array([0, 0, 0, 0, 2])
    consistency = np.linspace(0.3, 1, 5)
    rows = weight_rows(
        pictures, weights, labels, ("surprise", "fear", "disgust"), consistency=consistency, per_side=2
    )
    assert [row.heading for row in rows] == ["surprise", "disgust"]
    assert rows[0].pictures[0].corner == "0.100 / 0.30"
    assert "low learned weight" in rows[0].pictures[0].alt
    assert "high learned weight" in rows[0].pictures[-1].alt
    assert rows[0].gap == 2
    assert rows[1].gap == 0
