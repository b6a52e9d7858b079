"""From a labelled store and a folder of photos to a model for them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import main
from metafacs.data.store import Store
from metafacs.training.domain_adaptation import short_run_optimizers

Words = Callable[..., list[str]]
NO_START = ("--landmarks_iterations", "0", "--supervised_iterations", "0")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos of an astronaut (NASA, public domain) and one of a wall."""
    folder = tmp_path_factory.mktemp("album")
    photo = np.asarray(data.astronaut())[:300, 60:360]
    for number, light in enumerate((1.0, 0.7)):
        Image.fromarray((photo * light).astype(np.uint8)).save(folder / f"{number}.png")
    Image.new("RGB", (90, 90), "white").save(folder / "wall.png")
    return folder


@pytest.fixture
def words(au_store: Store, album: Path, tmp_path: Path) -> Words:
    def make(*more: str, source: Path = au_store.path, target: Path = album) -> list[str]:
        out = ["--out", str(tmp_path / "mine"), "--progress", "false", "--workers", "1"]
        size = ["--size", "32", "--width", "4", "--pairs", "2", "--iterations", "2"]
        size += ["--landmarks_iterations", "2", "--supervised_iterations", "2", "--aus", "[1, 4]"]
        return ["adapt", "--source", str(source), "--target", str(target), *out, *size, *more]

    return make


def test_the_result_predicts_the_pictures_and_goes_on(
    words: Words, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words()) == 0
    told = capsys.readouterr().out
    assert "2 faces of 36 px" in told
    assert "thresholds: 0.5 for every action unit" in told
    assert "wall.png: no face found" in told
    assert "what the networks did" in told
    assert "D_d's loss" in told
    assert "(chance 0.25): near 0 it is hardly ever wrong" in told
    out = tmp_path / "mine"
    model = load_checkpoint(out / "model.safetensors")
    assert model.description.pictures == {"au": 89, "validation": 6, "target": 2}
    assert model.description.initialised_from["file"] == "model.safetensors"  # type: ignore[index]
    assert {"network.branches", "network.detector"} <= set(model.description.initialised_from["loaded"])  # type: ignore[index]
    assert model.description.framing.crop_size == Store(out / "target").size == 36
    assert model.build().domain == "target"

    shards = {path: path.stat().st_mtime_ns for path in (out / "target").glob("*.arrow")}
    stages = [out / stage / "model.safetensors" for stage in ("landmarks", "supervised")]
    before = [path.read_bytes() for path in stages]
    (out / "model.safetensors").unlink()
    assert main(words()) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "target").glob("*.arrow")} == shards
    assert [path.read_bytes() for path in stages] == before
    again = load_checkpoint(out / "model.safetensors")
    assert again.fingerprint == model.fingerprint

    photo = ["predict", str(album / "0.png"), "--model", str(out / "model.safetensors"), "--overlay", "false"]
    assert main([*photo, "--out", str(tmp_path / "found")]) == 0
    (row,) = csv.DictReader((tmp_path / "found" / "faces.csv").open())
    assert 0 <= float(row["AU04_p"]) <= 1
    note = json.loads((tmp_path / "found" / "faces.csv.meta.json").read_text())
    assert note["synthetic"] is True


def test_people_kept_out_of_training_choose_the_thresholds(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words("--validation_people", "1", "--method", "adda")) == 0
    assert "thresholds: best F1 per action unit" in capsys.readouterr().out
    known = load_checkpoint(tmp_path / "mine" / "model.safetensors").description
    assert set(known.thresholds) == {1, 4}
    assert (known.thresholds_chosen_on["people"], known.thresholds_chosen_on["read_as"]) == (1, "target")
    assert len(known.held_out.validation) == 1


def test_every_method_starts_from_learned_action_units(words: Words, tmp_path: Path) -> None:
    assert main(words("--method", "dann")) == 0
    told = load_checkpoint(tmp_path / "mine" / "model.safetensors").description.initialised_from
    assert set(told["loaded"]) == {"network.extractors", "network.detector"}  # type: ignore[index]


@pytest.mark.parametrize("method", ["adld", "dann", "adda", "source_only", "dual_domain"])
def test_other_ways_to_adapt(words: Words, method: str, tmp_path: Path) -> None:
    assert main(words("--method", method, *NO_START)) == 0
    assert load_checkpoint(tmp_path / "mine" / "model.safetensors").method == method
    assert not (tmp_path / "mine" / "landmarks").exists()


def test_labels_of_another_program_are_learned_from_or_refused_at_once(
    words: Words, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "fex.csv"
    table.write_text(f"input,AU01,AU04\n{album}/0.png,.7,.2\n{album}/1.png,.1,\n")
    assert main(words("--pseudo_labels", str(table), *NO_START)) == 0
    model = load_checkpoint(tmp_path / "mine" / "model.safetensors")
    assert model.description.more["pseudo_labels"]["pictures"] == 2

    table.write_text("input,AU01,AU04\nelsewhere.png,.7,.2\n")
    assert main(words("--pseudo_labels", str(table), "--out", str(tmp_path / "other"))) == 1
    assert "lists no picture of" in capsys.readouterr().err
    assert not (tmp_path / "other" / "landmarks").exists()


def test_domain_discriminators_and_landmark_branches_keep_the_published_rates() -> None:
    rates = {group: spec.lr for group, spec in short_run_optimizers("dual_domain", 4).items()}
    assert rates == {
        "landmark_discriminator": pytest.approx(1e-3),
        "discriminators": 5e-5,
        "generators": pytest.approx(1e-3),
        "task": pytest.approx(1e-3),
        "landmarks": 5e-4,
    }


def test_what_cannot_be_adapted_is_one_sentence(
    words: Words,
    album: Path,
    compound_store: Store,
    expression_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(text: str, *more: str, **stores: Path) -> None:
        assert main(words(*more, **stores)) == 1
        error = capsys.readouterr().err
        assert text in error
        assert not (tmp_path / "mine" / "model.safetensors").exists()

    empty, walls = tmp_path / "empty", tmp_path / "walls"
    empty.mkdir()
    walls.mkdir()
    (walls / "wall.png").write_bytes((album / "wall.png").read_bytes())
    refused("holds no picture and no video", target=empty)
    refused("has no AU labels to learn from", source=expression_store.path)
    refused("knows no face's landmarks", source=compound_store.path)
    refused("the network reads 64 px but the store holds 36 px crops", "--size", "64")
    refused("iterations is -5; give a number from 1", "--iterations", "-5")
    refused("landmarks_iterations is -1; give a number from 0", "--landmarks_iterations", "-1")
    refused("dann has one way to read pictures", "--read", "direct", "--method", "dann")
    refused("'tpu' is no device that metafacs knows", "--accelerator", "tpu")
    assert not (tmp_path / "mine").exists()
    refused("no face was found in any of the 1 pictures", target=walls)
