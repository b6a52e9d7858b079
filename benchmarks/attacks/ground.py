"""What is attacked: small twins, stores, models, runs and tables, made once by the commands themselves."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from PIL import Image

from attacks.commands import run_copy, run_here
from metafacs.cli import command_module
from metafacs.data.videos import encode_video
from metafacs.evaluation.archive import write_archive
from metafacs.evaluation.few_shot_records import FewShotRecord, write_few_shot_record
from metafacs.evaluation.records import read_records
from metafacs.synthesis.clips import render_clip

COMMANDS = ("twin", "prepare", "inspect", "train", "compare", "evaluate", "report", "personalise", "predict")
"""Commands that are attacked; they are brought in before the process is copied."""

_PEOPLE, _TASKS = ("F001", "M002"), ("T1", "T3", "T6")
SIZE, RATE, FRAMES = (256, 192), 12, 12
ResultT = TypeVar("ResultT")


class GroundError(RuntimeError):
    """An undisturbed command failed, so that nothing can be attacked."""


class Ground:
    """Folders and files that are attacked, and what undisturbed commands make of them.

    Args:
        folder: Where it is made; what a finished ground left there is used again.

    Attributes:
        root: The folder.
        trials: Folder for the attacks.
        face: A rendered picture of one face.
        pictures: Others.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self.trials = Path(tempfile.mkdtemp(prefix="trials-", dir=self.root))
        self.twin, self.few, self.store = self.root / "bp4d", self.root / "few", self.root / "store"
        self.other_store = self.root / "other_store"
        self.run, self.stopped = self.root / "run", self.root / "stopped"
        self.model = self.run / "model.safetensors"
        self.person, self.support = self.root / "person.safetensors", self.root / "support.csv"
        self.comparison, self.protocol = self.root / "comparison", self.root / "comparison.yaml"
        self.archive, self.few_shot = self.root / "archive.jsonl", self.root / "few_shot"
        self.clip, self.face = self.root / "clip.mp4", self.root / "face.jpg"
        self.table = self.root / "tables" / "clip.csv"
        self._known: dict[str, Any] = {}
        self._make()
        self.pictures = sorted(self.few.rglob("*.jpg"))

    def once(self, name: str, make: Callable[[], ResultT]) -> ResultT:
        """Return what was made under a name before, else make it."""
        if name not in self._known:
            self._known[name] = make()
        return self._known[name]

    def train_words(self, out: Path, store: Path | None = None, seed: int = 0) -> list[object]:
        """Return the words of a small training."""
        return [
            *("train", "--method", "single_task", "--action_units", store or self.store, "--out", out),
            *("--size", "32", "--options.backbone", "small", "--iterations", "6", "--checkpoint_every", "2"),
            *("--batch.au", "4", "--seed", seed, "--progress", "false"),
        ]

    def prepare_words(self, out: Path, root: Path | None = None) -> list[object]:
        """Return the words that prepare the small part of the twin."""
        return [
            *("prepare", "bp4d", "--root", root or self.few, "--out", out, "--size", "48"),
            *("--workers", "1", "--progress", "false"),
        ]

    def predict_words(self, out: Path, *inputs: object) -> list[object]:
        """Return the words of a prediction with the small model."""
        return [
            *("predict", *(inputs or (self.face,)), "--model", self.model, "--out", out),
            *("--overlay", "false", "--workers", "1"),
        ]

    def personalise_words(self, out: Path, support: Path | None = None) -> list[object]:
        """Return the words that fit the small model to a person."""
        return ["personalise", "--model", self.model, "--support", support or self.support, "--out", out]

    def compare_words(self, out: Path) -> list[object]:
        """Return the words of a small comparison."""
        return ["compare", self.protocol, "--out", out, "--workers", "1"]

    def _make(self) -> None:
        torch.set_num_threads(1)
        for name in COMMANDS:
            command_module(name)
        if not (self.twin / "TWIN.json").exists():
            twin = ("--preset", "tiny", "--workers", "1", "--progress", "false")
            self._do("twin", "bp4d", "--root", self.twin, *twin)
            self._do("twin", "raf_db", "--root", self.root / "raf_db", *twin)
        if not self.few.exists():
            shutil.copytree(self.twin, self.few, ignore=_all_but_few)
        shutil.copy(sorted(self.few.rglob("*.jpg"))[0], self.face)
        prepared = ("--size", "48", "--workers", "1", "--progress", "false")
        self._do("prepare", "bp4d", "--root", self.twin, "--out", self.store, *prepared)
        self._do("prepare", "raf_db", "--root", self.root / "raf_db", "--out", self.other_store, *prepared)
        self._do(*self.train_words(self.run))
        self._stop_a_training()
        self._write_support()
        self._do(*self.personalise_words(self.person))
        self._compare()
        if not self.clip.exists():
            frames = [frame.image for frame in render_clip("leaving", 0, FRAMES / RATE, RATE, SIZE)]
            encode_video(self.clip, frames, RATE)
            folder = self.root / "frames"
            folder.mkdir(exist_ok=True)
            for i, frame in enumerate(frames):
                Image.fromarray(frame).save(folder / f"{i}.png")
        if not self.table.exists():
            self._do(*self.predict_words(self.table.parent, self.clip))

    def _do(self, *words: object) -> None:
        ended = run_here(words)
        if ended.code:
            raise GroundError(
                f"metafacs {' '.join(map(str, words))} ended with {ended.code}: {ended.said[-800:]}"
            )

    def _stop_a_training(self) -> None:
        """Make a run that was killed after its first checkpoint."""
        if (self.stopped / "checkpoint.safetensors").exists():
            return
        run_copy(self.train_words(self.stopped), before=lambda: _kill_after("checkpoint.safetensors"))
        if not (self.stopped / "checkpoint.safetensors").exists():
            raise GroundError("a training was not killed after its first checkpoint")

    def _write_support(self) -> None:
        """Write a person's list from what the twin's files say."""
        person = "F001"
        with self.support.open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("picture", "AU6", "AU12", "AU17"))
            for codes in sorted((self.twin / "AUCoding" / "AU_OCC").glob(f"{person}_*.csv")):
                rows = list(csv.reader(codes.open()))
                for row in rows[1:]:
                    folder = self.twin / "Sequences(2D+3D)" / person / codes.stem.split("_")[1]
                    picture = next(p for p in sorted(folder.glob("*.jpg")) if int(p.stem) == int(row[0]))
                    codes_of = ("" if row[au] == "9" else row[au] for au in (6, 12, 17))
                    lines.writerow((picture.relative_to(self.root), *codes_of))

    def _compare(self) -> None:
        self.protocol.write_text(
            "out: unused\nfolds: [1]\nseeds: [0]\n"
            f"common: {{action_units: {self.store}, size: 32, iterations: 1, "
            "batch: {au: 2}, options: {backbone: small}}\n"
            "methods:\n  single_task:\n  seed one: {method: single_task, iterations: 2}\n"
        )
        self._do(*self.compare_words(self.comparison))
        if not self.archive.exists():
            write_archive(self.archive, read_records(self.comparison), name="ground")
        if not self.few_shot.exists():
            for subject in ("F001", "M002"):
                write_few_shot_record(_few_shot_record(subject), self.few_shot / subject / "record.json")


def _all_but_few(folder: str, names: list[str]) -> set[str]:
    """Return what is not of the few people and tasks."""
    path = Path(folder)
    if path.name.startswith("AU") and path.name != "AUCoding" and path.name != "AU_INT":
        kept = {f"{person}_{task}" for person in _PEOPLE for task in _TASKS}
        return {name for name in names if "_".join(Path(name).stem.split("_")[:2]) not in kept}
    if path.name == "Sequences(2D+3D)":
        return set(names) - set(_PEOPLE)
    if path.parent.name == "Sequences(2D+3D)":
        return set(names) - set(_TASKS)
    return {name for name in names if name == "Landmarks"}


def _kill_after(name: str) -> None:
    """End this process as soon as a file has got its name."""
    replace = os.replace

    def replaced(old: Any, new: Any, **more: Any) -> None:
        replace(old, new, **more)
        if os.path.basename(os.fspath(new)) == name:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replaced  # type: ignore[assignment]


def _few_shot_record(subject: str) -> FewShotRecord:
    scores: dict[int, tuple[float, ...]] = {1: (0.5, 0.75), 12: (0.625, 0.875)}
    return FewShotRecord(
        learner="maml",
        trained_on="bp4d",
        tested_on="bp4d",
        synthetic=True,
        protocol="leave_one_subject_out",
        subject=subject,
        shots=2,
        steps=(1, 5),
        accuracy=scores,
        deviation=dict.fromkeys(scores, (0.125, 0.0625)),
        filled=(),
        skipped={4: "too few pictures"},
        trained_aus=(1, 4, 12),
        training_tasks=3,
        skipped_training_tasks=1,
        iterations=10,
        seconds={"train": 1.5, "test": 0.5},
        config={"testing": {"judged": 10, "repetitions": 50}},
    )
