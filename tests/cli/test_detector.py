from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import main
from metafacs.cli.detector import (
    CARRIED_OVER,
    DETECTOR_AUS,
    MODEL,
    read_presence_off_intensity,
    stretch_intensities,
)
from metafacs.inference.loading import PACKAGED_REAL_FACES, load_detector

WORDS = ["--preset", "tiny", "--iterations", "4", "--workers", "1", "--progress", "false"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of twenty people and four iterations: it knows nothing, but has everything."""
    out = tmp_path_factory.mktemp("build")
    assert main(["detector", "build", "--out", str(out), *WORDS]) == 0
    return out


def test_one_command_builds_a_detector_that_tells_everything(built: Path, astronaut: np.ndarray) -> None:
    detector = load_detector(built / MODEL)
    assert detector.aus == DETECTOR_AUS
    assert set(detector.experimental) == set(DETECTOR_AUS) - set(CARRIED_OVER)
    assert detector.synthetic
    (face,) = detector.analyse_picture(astronaut)
    assert set(face.probabilities) == set(face.intensities) == set(DETECTOR_AUS)
    assert face.pose is not None
    assert (built / MODEL).stat().st_size < 12_000_000


def test_the_file_tells_scores_thresholds_and_what_they_were_chosen_on(built: Path) -> None:
    description = load_checkpoint(built / MODEL).description
    scores = description.more["scores_on_held_out_rendered_people"]
    assert (scores["people"], scores["pictures"]) == (2, 6)
    assert set(scores["aus"]) == {str(au) for au in DETECTOR_AUS}
    assert set(description.thresholds) == set(DETECTOR_AUS)
    assert "(synthetic)" in description.thresholds_chosen_on["faces at rest"]
    assert "MediaPipe" in description.licence


def test_intensity_and_probability_agree(built: Path) -> None:
    weights = load_checkpoint(built / MODEL).weights
    for one, other in zip(weights["action_units.weight"], weights["intensities.weight"], strict=True):
        # What a few pictures do not show to rise with the intensity has a slope of nearly nothing.
        assert one.float().norm() < 0.1 or torch.cosine_similarity(one.float(), other.float(), dim=0) > 0.99


def test_a_finished_build_is_not_done_again(built: Path) -> None:
    before = (built / MODEL).read_bytes()
    assert main(["detector", "build", "--out", str(built), *WORDS]) == 0
    assert (built / MODEL).read_bytes() == before


def test_a_build_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detector", "build"]) == 1
    assert "--out" in capsys.readouterr().err


def test_the_card_tells_what_the_file_holds(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["detector", "card", "--model", str(built / MODEL)]) == 0
    card = capsys.readouterr().out
    assert "2 other rendered people" in card
    assert "*synthetic*" in card
    assert "| 9 | nose wrinkler | experimental |" in card.lower()
    assert "Not measured." in card
    assert "not for" in card


def test_the_card_shows_real_people_beside_the_floor(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    area = {"auc": 0.9, "low": 0.8, "high": 0.95, "pairs_won": None}
    told = {
        "pictures": {"neutral": 20, "happiness": 10},
        "people": None,
        "rows": [
            {
                "expression": "happiness",
                "au": 12,
                "floor": {**area, "auc": 0.7},
                "models": {"mine": area},
                "against_others": {"mine": 0.88},
            }
        ],
        "lips_apart": {"models": {"mine": area}},
        "neutral": {"mine": {"12": {"share": 0.25}, "4": {"share": 0.5}}},
    }
    real, out = tmp_path / "real_faces.json", tmp_path / "card.md"
    real.write_text(json.dumps({"results": {"Web faces": told}}))
    words = ["detector", "card", "--model", str(built / MODEL), "--real", str(real), "--out", str(out)]
    assert main(words) == 0
    card = out.read_text()
    assert "| happiness | 12 | 0.700 (0.80 to 0.95) | 0.900 (0.80 to 0.95) | 0.880 |" in card
    assert "AU4 50 %, AU12 25 %" in card
    assert main(words) == 0
    notes = tmp_path / "notes.md"
    notes.write_text("# My notes\n")
    assert main([*words[:-1], str(notes)]) == 1
    assert "notes.md is there already, and is no card of a detector" in capsys.readouterr().err
    assert notes.read_text() == "# My notes\n"


def test_presence_is_read_off_the_intensity_and_is_a_probability() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(400, 8)
    layer = torch.nn.Linear(8, 2)
    scores = layer(hidden).detach().numpy()
    targets = (scores + 0.2 * torch.randn(400, 2).numpy() > 0.3).astype(np.float32)
    targets[:, 1] = 0
    weights = {"action_units.weight": layer.weight.detach(), "action_units.bias": layer.bias.detach()}
    read_presence_off_intensity(weights, scores, targets)
    layer.load_state_dict({name.removeprefix("action_units."): value for name, value in weights.items()})
    probabilities = layer(hidden).sigmoid().detach().numpy()
    assert probabilities[:, 0].mean() == pytest.approx(targets[:, 0].mean(), abs=0.02)
    assert (np.argsort(probabilities[:, 0]) == np.argsort(scores[:, 0])).all()
    # Nobody shows the second.
    np.testing.assert_allclose(layer(hidden).detach().numpy()[:, 1], scores[:, 1], atol=1e-6)


def test_stretched_intensities_have_the_mean_and_spread_of_the_labels() -> None:
    torch.manual_seed(0)
    hidden, known = torch.randn(200, 8), 1.5 + torch.randn(200, 3).numpy() * np.array([0.5, 1.0, 2.0])
    layer = torch.nn.Linear(8, 3)
    weights = {"intensities.weight": layer.weight.detach(), "intensities.bias": layer.bias.detach()}
    stretch_intensities(weights, layer(hidden).detach().numpy(), known)
    layer.load_state_dict({name.removeprefix("intensities."): value for name, value in weights.items()})
    told = layer(hidden).detach().numpy()
    np.testing.assert_allclose(told.mean(0), known.mean(0), atol=1e-4)
    np.testing.assert_allclose(told.std(0), known.std(0), atol=1e-4)


def test_the_card_in_the_documentation_is_that_of_the_packaged_detector(
    packaged_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert packaged_model.is_file()
    assert main(["detector", "card"]) == 0
    page = Path(__file__).parents[2] / "docs" / "detector_card.md"
    assert page.read_text(encoding="utf-8") == capsys.readouterr().out.rstrip("\n") + "\n"


def test_what_was_measured_is_of_the_packaged_detector(packaged_model: Path) -> None:
    told = json.loads(PACKAGED_REAL_FACES.read_text(encoding="utf-8"))
    (model,) = told["models"].values()
    assert model["sha256"] == hashlib.sha256(packaged_model.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "damaged"),
        ("[1]", "Expected"),
        ('{"results": {"set": {"pictures": {"a": "x"}}}}', r"results\[...\].pictures"),
        ('{"results": {"set": {"people": 3}}}', "missing required field pictures"),
    ],
)
def test_measurements_of_another_shape_are_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (tmp_path / "real.json").write_text(text)
    assert main(["detector", "card", "--real", str(tmp_path / "real.json")]) == 1
    err = capsys.readouterr().err
    assert re.search(rf"^metafacs detector: \S+real\.json.*{told}.*make it with benchmarks/real_faces", err)
    assert err.count("\n") == 1
