from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image
from sklearn.metrics import roc_auc_score

from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description
from metafacs.evaluation.real_photos import PhotoSetError
from metafacs.faces.face import Face
from metafacs.inference.loading import load_detector
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.plugins import PluginError

REAL_FACES = Path(__file__).resolve().parents[2].parent / "shared" / "real_faces"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of AUs 1 and 12 that nobody trained."""
    torch.manual_seed(0)
    method = SingleTask((1, 12), backbone=SMALL)
    known = {
        "input_size": 64,
        "crop_size": 72,
        "alignment": {"box_enlarge": 2.6, "border": 128},
        "thresholds": {"1": 0.0, "12": 1.0},
        "synthetic": True,
        "licence": "none",
    }
    path = tmp_path_factory.mktemp("untrained") / "model.safetensors"
    description = Description.from_json(known, "model.safetensors")
    save_checkpoint(
        path, Checkpoint("single_task", {"backbone": "small"}, (1, 12), (), method.state_dict(), description)
    )
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """Two photos in the public domain, and their mirror images as other people, as both sets lay them out.

    Grace Hopper (US Navy) is about neutral, the astronaut (NASA) smiles; 003 has no face, 004 is no picture.
    """
    root = tmp_path_factory.mktemp("photos")
    with get_sample_data("grace_hopper.jpg") as file:
        hopper = np.array(Image.open(file).convert("RGB"))
    for kind, picture in (("neutral", hopper), ("smiling", astronaut)):
        (root / kind).mkdir()
        Image.fromarray(picture).save(root / kind / "001.png")
        Image.fromarray(picture[:, ::-1]).save(root / kind / "002.png")
    Image.fromarray(np.full((90, 90, 3), 127, np.uint8)).save(root / "neutral" / "003.png")
    (root / "smiling" / "004.png").write_bytes(b"")
    lines = [f"smiling/{name}.png,Happiness" for name in ("001", "002")]
    lines += [f"neutral/{name}.png,neutral" for name in ("001", "002", "003", "005")]
    (root / "legend.csv").write_text("\n".join(["image,emotion", *lines, "smiling/004.png,sadness"]) + "\n")
    return root


def run(benchmark: ModuleType, out: Path, *arguments: object) -> dict:
    benchmark.main([*map(str, arguments), "--cache", str(out / "cache"), "--out", str(out)])
    return json.loads((out / "real_faces.json").read_text())


def test_both_sets_are_measured_end_to_end(
    benchmark: ModuleType,
    photos: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sets = ("--london", photos, "--web", photos, "--half", "all", "--model", model)
    told = run(benchmark, tmp_path, *sets)
    london, web = told["results"].values()
    assert (london["people"], london["pictures"]) == (2, {"neutral": 2, "smiling": 2})
    assert (web["people"], web["pictures"]) == (None, {"neutral": 2, "happiness": 2})
    assert london["without_face"] == web["without_face"] == ["neutral/003.png"]
    assert ["004.png is empty" in line for line in london["unreadable"]] == [True]
    assert ["005.png does not exist" in line for line in web["unreadable"]] == [True]

    assert [(row["expression"], row["au"]) for row in london["rows"]] == [
        ("smiling", 12),
        ("smiling", 6),
        ("smiling", 25),
    ]
    assert [(row["expression"], row["au"]) for row in web["rows"]] == [("happiness", 12), ("happiness", 6)]
    smile = london["rows"][0]
    assert smile["pictures"] == {"smiling": 2, "neutral": 2}
    assert (smile["floor"]["measure"], smile["floor"]["auc"], smile["floor"]["pairs_won"]) == (
        "mouth width",
        1.0,
        1.0,
    )
    assert list(smile["models"]) == [model.parent.name]
    assert london["rows"][1]["models"] == {}
    # Thresholds of 0 and 1: one AU is always there, the other never.
    (neutral,) = london["neutral"].values()
    assert [(au, row["fired"], row["of"]) for au, row in neutral.items()] == [("1", 2, 2), ("12", 0, 2)]

    detector = load_detector(model)
    scores = [
        detector.analyse(photos / kind / name)[0].probabilities[12]
        for kind in ("neutral", "smiling")
        for name in ("001.png", "002.png")
    ]
    expected = roc_auc_score([0, 0, 1, 1], scores)
    for row in (smile, web["rows"][0]):
        assert row["models"][model.parent.name]["auc"] == pytest.approx(expected)

    printed = capsys.readouterr().out
    assert (tmp_path / "real_faces.md").read_text() in printed
    for expected in (
        "2 people",
        "people unknown",
        "mouth width larger: 1.000",
        "does not know AUs 6, 25",
        "1 (neutral/003.png)",
        "trained on synthetic",
        "AU1 1.00 (0.16 to 1.00)",
    ):
        assert expected in printed

    # The second time nothing is looked for or cut again.
    monkeypatch.setattr(benchmark, "find_faces", None)
    monkeypatch.setattr("metafacs.inference.detector.align", None)
    assert run(benchmark, tmp_path, *sets) == told


def test_without_a_model_there_are_floors(benchmark: ModuleType, photos: Path, tmp_path: Path) -> None:
    told = run(benchmark, tmp_path, "--london", photos)
    (london,) = told["results"].values()
    assert told["models"] == london["neutral"] == {}
    assert all(row["models"] == {} and row["floor"]["auc"] is not None for row in london["rows"])


def test_cached_probabilities_are_those_of_prediction(
    benchmark: ModuleType, photos: Path, model: Path, tmp_path: Path
) -> None:
    cache = benchmark.FaceCache(tmp_path)
    gathered = benchmark.gather("London", benchmark.london_photos(photos), cache, progress=False)
    detector = load_detector(model)
    for _ in range(2):
        found = cache.probabilities(gathered, detector)
        for photo, row in zip(gathered.photos, found, strict=True):
            (face,) = detector.analyse(photo.path)
            assert row == pytest.approx(list(face.probabilities.values()), abs=1e-4)


def test_made_up_predictions_get_their_scores(benchmark: ModuleType) -> None:
    rng = np.random.default_rng(0)
    gathered = benchmark.Gathered("made up")
    for person in range(6):
        for kind in ("neutral", "smiling"):
            gathered.photos.append(benchmark.Photo(Path("unread.png"), kind, str(person)))
            points = rng.uniform(0, 100, (68, 2))
            if person % 2:
                points[62] = points[66]
            gathered.faces.append(Face((0, 0, 100, 100), 1.0, points))
    smiling = gathered.kinds == "smiling"
    known = {12: np.where(smiling, 0.9, 0.4), 25: np.where(smiling, 0.2, 0.6)}
    known[25][:2] = 0.3
    rows = {row["au"]: row for row in benchmark.score(gathered, {"mine": known})}
    assert rows[12]["models"]["mine"] == {"auc": 1.0, "low": 1.0, "high": 1.0, "pairs_won": 1.0}
    assert rows[6]["models"] == {}
    assert rows[12]["against_others"] == {}
    # Person 0 has .3 twice, a tie; every other pair of pictures is lost.
    assert rows[25]["models"]["mine"]["auc"] == pytest.approx(0.5 / 36)
    assert rows[25]["models"]["mine"]["pairs_won"] == pytest.approx(0.5 / 6)
    apart = benchmark.lips_apart(gathered, {"mine": known, "knows no 25": {12: known[12]}})
    gap = benchmark.measure_faces(np.stack([face.landmarks for face in gathered.faces]))["lip gap"]
    assert apart["pictures"] == {"apart": int((gap >= 0.05).sum()), "closed": int((gap < 0.05).sum())}
    assert list(apart["models"]) == ["mine"]
    assert apart["models"]["mine"]["auc"] == pytest.approx(roc_auc_score(gap >= 0.05, known[25]))
    shares = benchmark.fired(gathered, known, {12: 0.4, 25: 0.5})
    assert {au: (row["fired"], row["of"]) for au, row in shares.items()} == {"12": (6, 6), "25": (5, 6)}


def test_other_faces_code_is_another_cache(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = benchmark.FaceCache(tmp_path).version
    assert benchmark.FaceCache(tmp_path).version == before
    monkeypatch.setattr(benchmark.PIL, "__version__", "0.0")
    assert benchmark.FaceCache(tmp_path).version != before


def test_bad_input_ends_in_a_sentence(
    benchmark: ModuleType, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        benchmark.main([])
    assert "--london or --web" in capsys.readouterr().err
    with pytest.raises(PhotoSetError, match="neutral/"):
        benchmark.main(["--london", str(tmp_path)])
    with pytest.raises(PhotoSetError, match=r"legend\.csv does not exist"):
        benchmark.main(["--web", str(tmp_path)])
    with pytest.raises(PluginError):
        benchmark.main(["--london", str(photos), "--method", "no_such_module:Name"])
    for kind in ("neutral", "smiling"):
        (tmp_path / kind).mkdir()
        Image.new("RGB", (90, 90)).save(tmp_path / kind / "001.png")
    with pytest.raises(PhotoSetError, match="no face was found"):
        benchmark.main(["--london", str(tmp_path)])


@pytest.mark.skipif(
    not REAL_FACES.is_dir(), reason="the openly licensed photos are not beside the repository"
)
def test_mouth_width_is_the_floor_of_the_london_set(benchmark: ModuleType, tmp_path: Path) -> None:
    told = run(benchmark, tmp_path, "--london", REAL_FACES)
    (london,) = told["results"].values()
    assert london["without_face"] == london["unreadable"] == []
    floor = london["rows"][0]["floor"]
    assert floor["measure"] == "mouth width"
    assert floor["auc"] > 0.9


def test_an_expression_is_told_from_the_others_too(benchmark: ModuleType) -> None:
    rng = np.random.default_rng(0)
    gathered = benchmark.Gathered("made up")
    for kind in ("neutral", "happiness", "surprise") * 4:
        gathered.photos.append(benchmark.Photo(Path("unread.png"), kind))
        gathered.faces.append(Face((0, 0, 100, 100), 1.0, rng.uniform(0, 100, (68, 2))))
    # It sees that a face shows something, not what.
    aroused = {1: np.where(gathered.kinds == "neutral", 0.1, 0.8)}
    rows = {row["au"]: row for row in benchmark.score(gathered, {"mine": aroused}) if row["models"]}
    assert rows[1]["models"]["mine"]["auc"] == 1.0
    assert rows[1]["against_others"]["mine"] == pytest.approx(0.75)
    assert benchmark.area_cell(rows[1]["models"]["mine"], 0.75).endswith(", others 0.75")
