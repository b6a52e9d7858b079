from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from metafacs.inference.detector import Detector
from metafacs.inference.sidecars import read_sidecar, sidecar_path, write_sidecar
from metafacs.inference.writers import WRITERS

Maker = Callable[..., Detector]


def written(tmp_path: Path, form: str, detector: Detector, **options: object) -> dict[str, object]:
    path = tmp_path / "faces.csv"
    write_sidecar(path, form, detector, **options)  # type: ignore[arg-type]
    return json.loads(sidecar_path(path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("form", WRITERS)
def test_it_tells_what_a_reader_must_know(tmp_path: Path, make_detector: Maker, form: str) -> None:
    content = written(tmp_path, form, make_detector())
    assert content["synthetic"] is True
    assert content["thresholds"] == {"AU01": 0.5, "AU06": 0.5, "AU12": 0.4}
    assert content["action_units"]["AU12"] == "Lip corner puller"
    assert content["model"]["licence"] == "none"
    assert (content["format"], content["device"]) == (form, "cpu")
    assert {"metafacs", "torch", "av", "ffmpeg"} <= set(content)


def test_it_tells_units_and_what_is_experimental(tmp_path: Path, make_detector: Maker) -> None:
    content = written(tmp_path, "openface", make_detector(intensities=True, pose=True, experimental=(6,)))
    assert content["experimental"] == ["AU06"]
    for unit in ("AUxx_r from 0 (absent) to 5", "pose_Ry (positive: face toward the left", "radians"):
        assert unit in content["units"]
    plain = written(tmp_path, "openface", make_detector())
    assert plain["experimental"] == []
    assert "pose" not in plain["units"]


def test_fex_has_degrees_and_no_intensities(tmp_path: Path, make_detector: Maker) -> None:
    units = written(tmp_path, "fex", make_detector(intensities=True, pose=True))["units"]
    assert "degrees" in units
    assert "AUxx_r" not in units


def test_frames_are_numbered_as_a_player_shows_them(tmp_path: Path, make_detector: Maker) -> None:
    assert "OpenFace counts from 1" in written(tmp_path, "openface", make_detector(), video=True)["numbering"]
    assert "number of the picture" in written(tmp_path, "openface", make_detector())["numbering"]


def test_more_can_be_said_and_read(tmp_path: Path, make_detector: Maker) -> None:
    written(tmp_path, "openface", make_detector(), more={"run": {"input": "a"}})
    assert read_sidecar(tmp_path / "faces.csv")["run"] == {"input": "a"}
    assert read_sidecar(tmp_path / "none.csv") == {}
    sidecar_path(tmp_path / "faces.csv").write_text("[1")
    assert read_sidecar(tmp_path / "faces.csv") == {}


def test_only_the_time_differs_between_runs_that_do_the_same(tmp_path: Path, make_detector: Maker) -> None:
    first, second = (written(tmp_path, "openface", make_detector()) for _ in range(2))
    del first["written"], second["written"]
    assert first == second


def test_a_changed_sidecar_tells_nothing(tmp_path: Path, make_detector: Maker) -> None:
    written(tmp_path, "openface", make_detector(), more={"run": {"input": "a"}})
    file = sidecar_path(tmp_path / "faces.csv")
    content = file.read_text(encoding="utf-8")
    file.write_text(content.replace('"input": "a"', '"input": "b"'), encoding="utf-8")
    assert file.read_text(encoding="utf-8") != content
    assert read_sidecar(tmp_path / "faces.csv") == {}
