"""Many files: parts that are written once, whatever ends those who write them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.cli import main, prediction_parts
from metafacs.cli import predict as predict_command
from metafacs.cli.predict import build_parser
from metafacs.data.parts import part_files, read_receipt
from metafacs.inference.journal import Journal
from metafacs.inference.part_plan import read_plan
from metafacs.inference.part_work import PartJob, PartOutcome, lost_part
from metafacs.locks import claimed

Predict = Callable[..., int]
PARQUET = ("--format", "parquet")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def faces(face: Image.Image) -> list[str]:
    """Seven pictures of a face that differ, one of which is broken, in two folders."""
    names = []
    for i in range(7):
        path = Path("faces", "ab"[i % 2], f"{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((np.array(face) * (1 - i / 20)).astype(np.uint8)).save(path)
        names.append(str(path))
    Path(names[3]).write_bytes(b"no picture")
    return sorted(names)


def tree(out: str) -> dict[str, bytes]:
    """Return the content of all that a run leaves but the date in the sidecar."""
    found = {str(path.relative_to(out)): path for path in Path(out).rglob("*") if path.is_file()}
    content = {name: path.read_bytes() for name, path in found.items() if not name.startswith(".metafacs")}
    described = json.loads(content.pop("parts.meta.json"))
    described.pop("written")
    return {**content, "parts.meta.json": json.dumps(described).encode()}


def test_shares_together_are_what_one_worker_writes(
    predict: Predict, faces: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict("faces", *PARQUET, "--files_per_part", 2, "--out", "one") == 1
    assert [path.name[:6] for path in part_files(Path("one/parts"))] == [f"{i:06d}" for i in range(4)]
    table = pd.read_parquet("one/parts")
    assert table["input"].tolist() == faces
    assert table["frame"].tolist() == list(range(7))
    assert table["success"].tolist() == [name != "faces/b/3.png" for name in faces]
    failed = pd.read_csv("one/failed.csv")
    assert failed["file"].tolist() == ["faces/b/3.png"]
    assert failed["tries"].tolist() == [3]
    assert "faces/b/3.png" in failed["problem"][0]
    assert not Path("one/work").exists()
    captured = capsys.readouterr()
    assert "parts: 4 of 4 are there, with 6 files analysed and 1 failed" in captured.out
    assert captured.err.count("faces/b/3.png") == 1

    codes = [
        predict("faces", *PARQUET, "--files_per_part", 2, "--out", "two", "--shard", shard)
        for shard in ("2/3", "3/3")
    ]
    assert codes == [1 if "faces/b/3.png" in faces[2:4] else 0, 1 if "faces/b/3.png" in faces[4:6] else 0]
    assert main(["merge", "two"]) == 1
    told = capsys.readouterr()
    assert "parts: 2 of 4" in told.out
    assert "3 missing" in told.out
    assert "2 parts are missing, 000000-" in told.err
    predict("faces", *PARQUET, "--files_per_part", 2, "--out", "two", "--shard", "1/3")
    # The run's name says nothing of shares.
    assert tree("two") == tree("one")
    assert main(["merge", "two", "--table", "all.parquet"]) == 0
    assert pd.read_parquet("all.parquet").equals(table)
    assert json.loads(Path("all.parquet.meta.json").read_text())["thresholds"]
    for inside in ("two/parts/all.parquet", "two/parts/below/all.parquet", "two/list.parquet"):
        assert main(["merge", "two", "--table", inside, "--overwrite"]) == 1
        assert "would lie among the parts" in capsys.readouterr().err
    assert main(["merge", "two"]) == 0


def test_the_table_is_that_of_a_usual_run(predict: Predict, faces: list[str], short_clip: Path) -> None:
    shutil.copy(short_clip, "faces/a/clip.mp4")
    shutil.copy(short_clip, "faces/clip.mp4")
    assert predict("faces", *PARQUET, "--overlay", "false", "--out", "usual") == 1
    assert predict("faces", *PARQUET, "--shard", "1/1", "--out", "parts") == 1
    pictures, videos = (pd.read_parquet(path) for path in part_files(Path("parts/parts")))
    assert pictures.equals(pd.read_parquet("usual/faces.parquet"))
    both = [pd.read_parquet(f"usual/{name}.parquet") for name in ("a/clip", "clip")]
    assert videos.equals(pd.concat(both, ignore_index=True))
    assert read_receipt(part_files(Path("parts/parts"))[1]).videos == ("faces/a/clip.mp4", "faces/clip.mp4")


class Killed(BaseException):
    """Ends a run as a kill does: nothing is put in order."""


def ending_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    append, seen = Journal.append, [0]

    def counted(self: Journal, results: object) -> None:
        append(self, results)  # type: ignore[arg-type]
        seen[0] += 1
        if seen[0] == count:
            raise Killed

    monkeypatch.setattr(Journal, "append", counted)


def test_whatever_ends_it_the_same_command_goes_on(
    predict: Predict, faces: list[str], short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(short_clip, "faces/clip.mp4")
    words = ("faces", *PARQUET, "--files_per_part", 3)
    assert predict(*words, "--out", "whole") == 1
    for count in (1, 2, 5, 9):
        with monkeypatch.context() as patch:
            ending_after(count, patch)
            with pytest.raises(Killed):
                predict(*words, "--out", "out")
    assert predict(*words, "--out", "out") == 1
    assert tree("out") == tree("whole")
    # Once more: nothing is touched.
    before = {path: path.stat() for path in Path("out/parts").iterdir()}
    assert predict(*words, "--out", "out") == 1
    assert {path: path.stat() for path in Path("out/parts").iterdir()} == before


def test_a_plan_has_its_sidecar_beside_it_whenever_the_listing_ends(
    predict: Predict, faces: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*words: object, **more: object) -> None:
        raise Killed

    words = ("faces/a", *PARQUET, "--shard", "1/1", "--out", "out")
    with monkeypatch.context() as patch:
        patch.setattr(prediction_parts, "write_sidecar", killed)
        with pytest.raises(Killed):
            predict(*words)
    assert not Path("out/plan.json").exists()
    assert predict(*words) == 0
    assert json.loads(Path("out/parts.meta.json").read_text())["run"]["inputs"] == ["faces/a"]


def test_a_machine_that_does_not_see_the_inputs_counts_none_as_failed(
    predict: Predict, faces: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("faces/a", *PARQUET, "--files_per_part", 1, "--out", "out")
    assert predict(*words, "--shard", "1/4") == 0
    Path("faces").rename("elsewhere")
    assert predict(*words) == 1
    assert "nothing of what was named can be reached from here (faces/a)" in capsys.readouterr().err
    assert len(part_files(Path("out/parts"))) == 1
    Path("elsewhere").rename("faces")
    assert predict(*words) == 0
    # What is done needs no inputs.
    shutil.rmtree("faces")
    assert predict(*words) == 0


def test_a_process_that_begins_later_takes_no_other_model(untrained_model: Path) -> None:
    shutil.copy(untrained_model, "model.safetensors")
    words = build_parser([]).parse_args(["faces", "--model", "model.safetensors"])
    get_detector, _ = predict_command._detector(words)
    assert get_detector() is get_detector()
    known = load_checkpoint("model.safetensors")
    save_checkpoint("model.safetensors", replace(known, description=known.description.cut_at(0.9)))
    predict_command._loaded.cache_clear()  # as in another process
    with pytest.raises(ValueError, match=r"model\.safetensors was changed after this command began"):
        get_detector()


def test_a_part_in_the_hands_of_another_is_passed_over(
    predict: Predict, faces: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("faces", *PARQUET, "--files_per_part", 3, "--out", "out")
    predict(*words, "--shard", "3/3")
    first = read_plan(Path("out")).parts[0].name
    with claimed(Path("out/work", Path(first).stem), "predicting part 0"):
        predict(*words)
        assert {path.name[:6] for path in part_files(Path("out/parts"))} == {"000001", "000002"}
        assert "the others are in the hands of other workers" in capsys.readouterr().out
    predict(*words)
    assert len(part_files(Path("out/parts"))) == 3
    assert not Path("out/work").exists()


def test_processes_share_the_parts(
    predict: Predict, faces: list[str], untrained_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["faces", *PARQUET, "--files_per_part", "2"]
    predict(*words, "--out", "one")
    more = ["--model", str(untrained_model), "--workers", "2"]
    assert main(["predict", *words, "--out", "two", *more]) == 1
    assert tree("two") == tree("one")


def test_files_that_change_after_they_were_listed_are_told(predict: Predict, faces: list[str]) -> None:
    words = ("faces", *PARQUET, "--files_per_part", 4, "--out", "out")
    predict(*words, "--shard", "2/2")
    os.utime(faces[0], (1, 1))
    Path(faces[1]).unlink()
    Path("faces/new.png").write_bytes(Path(faces[2]).read_bytes())
    assert predict(*words) == 1
    failed = pd.read_csv("out/failed.csv")
    assert failed["problem"][:2].tolist() == [
        f"{faces[0]} was changed after it was listed",
        f"{faces[1]} cannot be reached",
    ]
    # The list is that of the first command.
    assert "faces/new.png" not in set(pd.read_parquet("out/parts")["input"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard", "1/2"], "add --format parquet"),
        ([*PARQUET, "--shard", "3/2"], "--shard is '3/2'; give the number of the share"),
        ([*PARQUET, "--files_per_part", "0"], "--files_per_part is 0; give 1 or more"),
        ([*PARQUET, "--shard", "1/2", "--retries", "-1"], "--retries is -1; give 0 or more"),
        (["--retries", "1"], "--retries is about parts of many files"),
        ([*PARQUET, "--shard", "1/2", "--events"], "--events is about single videos and pictures"),
        ([*PARQUET, "--shard", "1/2", "--overlay", "true"], "--overlay is about single videos"),
        ([*PARQUET, "--shard", "1/2", "--overwrite"], "parts are written once: leave out --overwrite"),
        ([*PARQUET, "--shard", "1/2", "--frames", "0"], "--frames is 0 frames per second"),
    ],
)
def test_what_does_not_go_together_is_refused(
    predict: Predict, faces: list[str], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict("faces", *words) == 1
    assert message in capsys.readouterr().err
    assert not Path("predictions").exists()


def test_other_runs_and_inputs_are_refused(
    predict: Predict, faces: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict("camera", *PARQUET, "--shard", "1/2") == 1
    assert "a camera is no file" in capsys.readouterr().err
    assert predict("none", *PARQUET, "--shard", "1/2") == 2
    assert "none does not exist" in capsys.readouterr().err
    assert predict("faces/a", *PARQUET, "--shard", "1/2") == 0
    assert predict("faces", *PARQUET, "--shard", "1/2") == 1
    told = capsys.readouterr().err
    assert "predictions holds the parts of another run (inputs was ['faces/a'] and is ['faces'])" in told
    Path("other/parts").mkdir(parents=True)
    assert predict("faces", *PARQUET, "--shard", "1/2", "--out", "other") == 1
    assert "other/parts is there already" in capsys.readouterr().err
    assert main(["merge", "faces"]) == 1
    assert "faces holds no plan of parts" in capsys.readouterr().err


def test_parts_are_compared_with_codings(
    predict: Predict, short_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("videos").mkdir()
    Path("codings").mkdir()
    for name in ("a", "b"):
        shutil.copy(short_clip, f"videos/{name}.mp4")
        Path(f"codings/{name}.csv").write_text("frame,AU12\n" + "".join(f"{i},{i % 2}\n" for i in range(10)))
    assert predict("videos", *PARQUET, "--shard", "1/1", "--out", "many") == 0
    assert main(["agree", "many/parts", "codings", "--out", "agreement", "--plot", "false"]) == 0
    record = json.loads(Path("agreement/agreement.json").read_text())
    assert [pair["left_input"] for pair in record["pairs"]] == ["videos/a.mp4", "videos/b.mp4"]
    assert record["faces"]  # the sidecar of the parts says that they are of a model of rendered faces


def test_two_workers_of_which_one_is_killed_twice(untrained_model: Path) -> None:
    script = ROOT / "benchmarks" / "many_files.py"
    words = ["--pictures", "10", "--clips", "2", "--files_per_part", "2", "--model", str(untrained_model)]
    command = [sys.executable, str(script), *words]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert [told[name] for name in ("files", "parts", "analysed", "rows")] == [12, 6, 12, 22]
    assert {kill["code"] for kill in told["kills"]} == {-9}
    assert told["codes"] == [0, 0]


def test_processes_that_die_are_replaced_until_it_is_hopeless(
    predict: Predict, faces: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_jobs, dead = prediction_parts.run_jobs, [3]

    def dying(work: object, jobs: list[PartJob], *words: object, **more: object) -> Iterator[PartOutcome]:
        for job in jobs:
            dead[0] -= 1
            if dead[0] >= 0:
                yield lost_part(job, "killed by SIGKILL")
            else:
                yield from run_jobs(work, [job], 1)  # type: ignore[arg-type]

    monkeypatch.setattr(prediction_parts, "run_jobs", dying)
    words = ("faces", *PARQUET, "--files_per_part", 2)
    assert predict(*words, "--out", "out") == 1
    assert len(part_files(Path("out/parts"))) == 4
    assert capsys.readouterr().err.count("the process that made part") == 3
    dead[0] = 1000
    assert predict(*words, "--out", "hopeless") == 1
    assert "21 processes died one after the other without a part made" in capsys.readouterr().err
