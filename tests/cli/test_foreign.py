"""A method, a backbone and a reader from outside the package, through every command."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

import metafacs
from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import main
from metafacs.cli.train import build_parser, rewritten
from metafacs.data.store import Store
from metafacs.evaluation.records import read_record
from metafacs.plugins import PluginError

PACKAGE = '''
"""A focal loss, from the public contract only."""

import torch
from torch import nn
from metafacs import Backbone, BaseNet, OptimizerSpec, Prediction, Reading, Sample, SingleLossMethod


class FocalTask(SingleLossMethod):
    """Single-task detection with a focal loss.

    Args:
        aus: FACS numbers to detect.
        backbone: Which backbone, and with which weights it starts.
        focus: Exponent that turns the loss away from what is easy.
    """

    streams = ("au",)

    def __init__(self, aus, *, backbone: Backbone = Backbone("small"), focus: float = 2.0):
        super().__init__(aus)
        self.network = BaseNet(backbone.build(), len(self.aus))
        self.focus = focus

    def optimizers(self):
        return {"base": OptimizerSpec("adamw", lr=1e-3)}

    def losses(self, batches):
        targets = batches["au"].require("action_units")
        known = ~targets.isnan()
        logits = self.network(batches["au"].images).action_units[known]
        right = torch.where(targets[known] == 1, logits, -logits)
        return {"loss_focal": ((1 - right.sigmoid()) ** self.focus * nn.functional.softplus(-right)).mean()}

    def predict(self, images):
        return Prediction.of(self.network(images))


class Tiny(nn.Module):
    """Mean colour of sixteen places."""

    feature_width = 48

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.scale = nn.BatchNorm1d(48)

    @property
    def last_stage(self):
        return self.pool

    def forward(self, images):
        return self.scale(self.pool(images).flatten(1))


class NoMethod:
    pass


def read_mine(root, *, ending: str = ".jpg"):
    """Read whatever pictures there are.

    Args:
        root: The folder.
        ending: Of the pictures.
    """
    from pathlib import Path

    paths = sorted(Path(root).rglob("*" + ending))[:6]
    samples = [Sample(p.stem + str(i), p, "me", {12: float(i % 2)}) for i, p in enumerate(paths)]
    return Reading("mine", Path(root), (12,), samples=samples)
'''

METHOD, BACKBONE = "focal_package.methods:FocalTask", "focal_package.methods:Tiny"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Leave no trace of the package in this process: its modules, its place in the path."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith("focal_package")]:
        del sys.modules[name]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in the current folder, which is not in Python's path."""
    folder = tmp_path / "here"
    (folder / "focal_package").mkdir(parents=True)
    (folder / "focal_package" / "__init__.py").touch()
    (folder / "focal_package" / "methods.py").write_text(PACKAGE)
    monkeypatch.chdir(folder)
    return folder


def training(store: Store, out: Path, *more: str) -> list[str]:
    words = ["train", "--method", METHOD, "--action_units", str(store.path), "--out", str(out)]
    words += ["--iterations", "2", "--batch.au", "8", "--size", "32", "--reserve", "0.1"]
    return [*words, "--aus", "[1, 4, 12]", "--progress", "false", *more]


@pytest.fixture
def model(package: Path, au_store: Store) -> Path:
    """A model of the foreign method on the foreign backbone; the package is forgotten again."""
    words = training(au_store, package / "run", "--options.backbone", BACKBONE, "--options.focus", "1.5")
    assert main(words) == 0
    for name in [name for name in sys.modules if name.startswith("focal_package")]:
        del sys.modules[name]
    return package / "run" / "model.safetensors"


def test_the_model_keeps_the_dotted_names(model: Path) -> None:
    saved = load_checkpoint(model)
    assert saved.method == METHOD
    assert saved.options == {"backbone": {"name": BACKBONE, "weights": "none"}, "focus": 1.5}


def test_what_only_a_model_names_is_not_imported(
    model: Path, au_store: Store, bp4d_twin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = str(next(bp4d_twin.glob("Sequences*/F001/T1/*.jpg")))
    evaluate = ["evaluate", str(model), "--action_units", str(au_store.path), "--out", str(tmp_path / "e")]
    predict = ["predict", photo, "--model", str(model), "--out", str(tmp_path / "p")]
    for words in (evaluate, predict):
        assert main(words) == 1
        assert f"--method {METHOD}" in capsys.readouterr().err
        assert "focal_package" not in sys.modules
    # The method is allowed, its backbone is of the same module and so is imported already.
    for words in (evaluate, predict):
        assert main([*words, "--method", METHOD]) == 0


@pytest.mark.filterwarnings("ignore:.*positive.*")
def test_a_foreign_backbone_alone_is_refused_too(
    package: Path, au_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    words = training(au_store, package / "run", "--options.backbone", BACKBONE)
    words[words.index(METHOD)] = "single_task"
    assert main(words) == 0
    for name in [name for name in sys.modules if name.startswith("focal_package")]:
        del sys.modules[name]
    words = ["evaluate", str(package / "run" / "model.safetensors"), "--action_units", str(au_store.path)]
    assert main(words) == 1
    assert f"--backbone {BACKBONE}" in capsys.readouterr().err
    assert main([*words, "--backbone", BACKBONE]) == 0


def test_analysis_and_python(
    model: Path, au_store: Store, expression_store: Store, package: Path, astronaut: object
) -> None:
    words = ["analyse", str(model), "--action_units", str(au_store.path), "--out", str(package / "a")]
    words += ["--expression", str(expression_store.path), "--aus", "[12]", "--pictures", "2"]
    assert main([*words, "--method", METHOD]) == 0
    assert "FocalTask" in (package / "a" / "analysis.html").read_text()
    # In Python the module's import is the user's word.
    detector = metafacs.load_detector(model)
    assert detector.aus == (1, 4, 12)
    from focal_package.methods import FocalTask  # type: ignore[import-not-found]

    again = metafacs.train(
        FocalTask,
        au_store.path,
        package / "run",
        options={"backbone": BACKBONE, "focus": 1.5},
        iterations=2,
        batch=metafacs.BatchSizes(8),
        size=32,
        reserve=0.1,
        aus=[1, 4, 12],
        progress=False,
    )
    assert again == model


@pytest.mark.filterwarnings("ignore:.*positive.*")
def test_a_comparison_with_two_workers(package: Path, au_store: Store) -> None:
    content = {
        "out": "runs",
        "folds": [1],
        "seeds": [0, 1],
        "common": {
            "action_units": str(au_store.path),
            "aus": [1, 4, 12],
            "options": {"backbone": "small"},
            "iterations": 2,
            "size": 32,
            "reserve": 0.1,
            "batch": {"au": 8},
        },
        "methods": {"single_task": {}, "focal": {"method": METHOD, "options": {"focus": 1.0}}, METHOD: {}},
    }
    (package / "comparison.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    assert main(["compare", "comparison.yaml", "--workers", "2"]) == 0
    records = sorted(Path("runs").rglob("record.json"))
    assert len(records) == 6
    assert {read_record(path).method for path in records} == {"single_task", METHOD}
    assert "focal" in Path("runs/f1.md").read_text()
    assert main(["report", "runs", "--out", "report"]) == 0
    assert Path("report/f1.md").read_text() == Path("runs/f1.md").read_text()


def test_a_reader_of_ones_own(package: Path, bp4d_twin: Path) -> None:
    words = ["prepare", "focal_package.methods:read_mine", "--root", str(bp4d_twin), "--out", "store"]
    assert main([*words, "--options.ending", ".jpg", "--size", "40", "--workers", "1"]) == 0
    assert Store("store").dataset == "mine"
    assert Store("store").aus == (12,)
    # It did not look for TWIN.json; the faces are rendered all the same.
    assert Store("store").synthetic


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("focal_package.methods:Focal", "focal_package.methods has no Focal"),
        ("focal_package.methods:NoMethod", "is no method: inherit from metafacs.Method"),
        ("focal_package.nothing:FocalTask", "there is no module focal_package.nothing"),
        ("focal", "unknown method 'focal'; choose one of single_task"),
    ],
)
def test_names_that_stand_for_no_method_are_refused(
    name: str, message: str, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "--method", name, "--action_units", "x", "--out", "y"])
    assert stop.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_an_entry_point_is_a_users_word(
    model: Path, package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PluginError, match="what only a file names is not imported"):
        metafacs.load_detector(model)
    monkeypatch.syspath_prepend(package)
    folder = package / "focal_package-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: focal-package\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(
        f"[metafacs.methods]\nfocal = {METHOD}\n[metafacs.backbones]\ntiny = {BACKBONE}\n"
    )
    importlib.invalidate_caches()
    assert metafacs.load_detector(model).aus == (1, 4, 12)
    assert main(["methods"]) == 0
    assert "│ focal " in capsys.readouterr().out
    words = ["train", "--method", "focal", "--options.backbone", "tiny", "--action_units", "x", "--out", "y"]
    words = rewritten(words)
    parsed = build_parser(words).parse_args(words[1:])
    assert (parsed.method, parsed.options.backbone.name) == ("focal", "tiny")
    assert isinstance(metafacs.Backbone("tiny").build(), torch.nn.Module)
