"""Reports from folders of records and from archives, tried on the archives that the repository holds."""

from __future__ import annotations

import html
import re
import shlex
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.cli import main, report
from metafacs.evaluation.few_shot_records import read_few_shot_records
from metafacs.evaluation.records import Record, read_records, write_record
from metafacs.reports.overview import COLUMNS, read_overview

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture
def records() -> list[Record]:
    return read_records(RESULTS / "mal_meta_rate_twin.jsonl")


@pytest.fixture
def folder(records: list[Record], tmp_path: Path) -> Path:
    for record in records:
        write_record(record, tmp_path / "runs" / f"{record.label}.json")
    return tmp_path / "runs"


def test_records_are_archived_and_the_archive_gives_the_same_report(
    records: list[Record], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "results" / "rates.jsonl"
    overview = tmp_path / "results" / "summary.csv"
    archive.parent.mkdir()
    rest = "," * (len(COLUMNS) - 2)
    overview.write_text(f"{','.join(COLUMNS)}\nother,{rest}\nrates,old{rest}\nzebra,{rest}\n")
    first, again = tmp_path / "first", tmp_path / "again"
    assert main(["report", str(folder), "--out", str(first), "--archive", str(archive)]) == 0
    assert f"archive: {archive}, 3 runs" in capsys.readouterr().out
    assert read_records(archive) == records
    assert {record.paper for record in records} == {"mal"}
    names = ["adam_0.0001", "adam_0.001", "mal_paper_rate"]
    assert [(line["comparison"], line["row"]) for line in read_overview(overview)] == [
        ("other", ""),
        *(("rates", name) for name in names),
        ("zebra", ""),
    ]
    before = overview.read_text()
    place = str(archive.with_suffix(""))
    assert main(["report", place, "--out", str(again), "--archive", str(archive)]) == 0
    assert overview.read_text() == before
    for name in ("f1.csv", "f1.md", "summary.csv", "summary.md"):
        assert (again / name).read_text() == (first / name).read_text()
    assert main(["report", f"{place}/adam_*", "--out", str(tmp_path / "adam")]) == 0
    assert len((tmp_path / "adam" / "summary.csv").read_text().splitlines()) == 3


def test_few_shot_records_are_archived_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "few.jsonl"
    place = str(RESULTS / "few_shot_disfa_twin")
    assert main(["report", place, "--out", str(tmp_path / "out"), "--archive", str(archive)]) == 0
    assert "maml - baseline" in capsys.readouterr().out
    assert read_few_shot_records(archive) == read_few_shot_records(RESULTS / "few_shot_disfa_twin.jsonl")
    shipped = [
        line for line in read_overview(RESULTS / "summary.csv") if line["comparison"] == "few_shot_disfa_twin"
    ]
    assert read_overview(tmp_path / "summary.csv") == [{**line, "comparison": "few"} for line in shipped]
    assert main(["report", place, "--out", str(tmp_path / "out"), "--curve", "focus"]) == 1
    assert "which has no --curve, --training or --against" in capsys.readouterr().err


def test_transfer_is_told_beside_the_tests_after_training_at_home(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, places = tmp_path / "out", [str(RESULTS / f"few_shot_{name}_twin") for name in ("cross", "disfa")]
    words = ["report", places[0], "--out", str(out)]
    assert main([*words, "--beside", places[1]]) == 0
    told = capsys.readouterr().out
    assert "maml, 5 shot, AUs 1, 2, 4: trained on BP4D > trained on DISFA: no (-0.091" in told
    assert (out / "transfer_by_au.png").exists()
    average = (out / "transfer.csv").read_text().splitlines()[-1].split(",")
    assert (average[0], average[12]) == ("Average", "-0.082 (-0.159 to -0.021)")
    assert main(words) == 0
    assert not (out / "transfer.csv").exists()
    for records, beside, refusal in (
        (places[0], places[0], "both tests are of learners trained on bp4d"),
        (places[1], str(RESULTS / "few_shot_bp4d_twin"), "not made alike: data"),
        (places[0], str(RESULTS / "mal_meta_rate_twin"), "holds no few-shot records"),
        (str(RESULTS / "mal_meta_rate_twin"), places[1], "--beside is of few-shot tests"),
    ):
        assert main(["report", records, "--out", str(tmp_path / "no"), "--beside", beside]) == 1
        assert refusal in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "no").exists()


def test_records_that_name_no_paper_are_archived_with_the_one_that_is_given(
    records: list[Record], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for record in records:
        write_record(replace(record, paper=""), tmp_path / "runs" / f"{record.label}.json")
    words = ["report", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    archive = ["--archive", str(tmp_path / "old.jsonl")]
    assert main([*words, *archive]) == 0
    assert "no paper is named: to see printed scores" in capsys.readouterr().out
    assert {record.paper for record in read_records(tmp_path / "old.jsonl")} == {""}
    assert main([*words, *archive, "--paper", "mal"]) == 0
    assert "no paper is named" not in capsys.readouterr().out
    assert {record.paper for record in read_records(tmp_path / "old.jsonl")} == {"mal"}


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.glob("*.jsonl")))
def test_every_archive_names_its_paper(name: str) -> None:
    found = read_few_shot_records(RESULTS / f"{name}.jsonl") or read_records(RESULTS / f"{name}.jsonl")
    (paper,) = {record.paper for record in found}
    assert name.startswith(paper) or (paper, name[:8]) == ("maml_au", "few_shot")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{folder}", "--out", "{tmp}/a", "--archive", "{tmp}/a.json"], "named NAME.jsonl"),
        (["{folder}", "--out", "{tmp}", "--archive", "{tmp}/a.jsonl"], "choose another --out"),
        (["{results}", "--out", "{tmp}/a"], "name one of them: dual_domain_bp4d_twin.jsonl"),
        (["{results}/absent", "--out", "{tmp}/a"], "holds no records"),
        (["{results}/mal_meta_rate_twin/G", "--out", "{tmp}/a"], "has no run 'G'"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    words: list[str], message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [word.format(folder=folder, tmp=tmp_path, results=RESULTS) for word in words]
    assert main(["report", *filled]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [folder]


def test_a_damaged_record_is_named_counted_and_left_out(
    records: list[Record], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = folder / "mal_paper_rate.json"
    broken.write_text(broken.read_text().replace('"seed": ', '"seed": 1'))
    words = ["report", str(folder), "--out", str(tmp_path / "out")]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert f"{broken}: the record is damaged or was edited" in told
    assert "1 of 3 records are damaged and left out" in told
    assert len((tmp_path / "out" / "summary.csv").read_text().splitlines()) == 3
    assert "Left out" in (tmp_path / "out" / "report.html").read_text()
    assert main([*words, "--archive", str(tmp_path / "a.jsonl")]) == 1
    assert "an archive is made of whole records only" in capsys.readouterr().err
    assert not (tmp_path / "a.jsonl").exists()
    broken.unlink()
    assert main(words) == 0


def test_nothing_foreign_is_overwritten_and_nothing_old_stays(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "f1.csv").write_text("mine\n")
    words = ["report", str(folder), "--out", str(out)]
    assert main(words) == 1
    assert "f1.csv is there already, and is not what metafacs wrote there" in capsys.readouterr().err
    assert {path.name for path in out.iterdir() if path.name[0] != "."} == {"f1.csv"}
    (out / "f1.csv").unlink()
    assert main([*words, "--curve", "options.meta_lr"]) == 1
    assert main(words) == 0
    (out / "f1.csv").write_text((out / "f1.csv").read_text() + "AU99,1\n")
    assert main(words) == 1
    (out / "f1.csv").unlink()
    assert main(["report", str(RESULTS / "few_shot_disfa_twin"), "--out", str(out)]) == 0
    assert "removed: " in capsys.readouterr().out
    assert not (out / "summary.csv").exists()
    assert (out / "accuracy_by_au.png").exists()


def test_the_command_of_the_page_makes_it_again(
    records: list[Record], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, out = tmp_path / "my runs", tmp_path / "my report"
    for value, name in enumerate(("one", "two"), 1):
        config = {**records[0].config, "options": {**records[0].config["options"], "strength": value}}
        write_record(replace(records[0], label=name, config=config), place / f"{name}.json")
    words = [str(place), "--out", str(out), "--paper", "mal", "--curve", "options.strength"]
    words += ["--against", "one", "--training", "[one, two]"]
    assert main(["report", *words]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    page = html.unescape((out / "report.html").read_text())
    command = next(line for line in re.findall(r"metafacs report [^<\n]*", page) if "--curve" in line)
    assert shlex.split(command) == ["metafacs", "report", *words]
    assert main(shlex.split(command)[1:]) == 0
    assert "removed: " not in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_runs_of_an_archive_are_not_lost(
    records: list[Record], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out = tmp_path / "rates.jsonl", str(tmp_path / "out")
    assert main(["report", str(folder), "--out", out, "--archive", str(archive)]) == 0
    one = str(folder / "adam_0.001.json")
    assert main(["report", one, "--out", out, "--archive", str(archive)]) == 1
    assert "rates.jsonl holds 2 runs that would be lost, e.g. adam_0.0001-fold" in capsys.readouterr().err
    assert read_records(archive) == records
    faces = tmp_path / "faces.jsonl"
    faces.write_text('{"input": "a.png"}\n')
    assert main(["report", one, "--out", out, "--archive", str(faces)]) == 1
    assert "faces.jsonl is no archive of records" in capsys.readouterr().err
    assert faces.read_text() == '{"input": "a.png"}\n'


def test_two_that_archive_at_a_time_wait_for_each_other(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = tmp_path / "results" / "summary.csv"

    def archive(name: str) -> int:
        words = ["report", str(folder), "--out", str(tmp_path / f"out_{name}")]
        return main([*words, "--archive", str(overview.with_name(f"{name}.jsonl"))])

    assert archive("before") == 0
    usual, others = report.write_archive, []

    def write(path: Path, records: list[Record], *, name: str) -> None:
        if name == "first":  # which has read the overview, and not yet written it
            others.append(threading.Thread(target=archive, args=("second",)))
            others[0].start()
            others[0].join(2)
        usual(path, records, name=name)

    monkeypatch.setattr(report, "write_archive", write)
    monkeypatch.setattr(report, "write_comparison", lambda *_, **__: None)
    assert archive("first") == 0
    others[0].join()
    assert {line["comparison"] for line in read_overview(overview)} == {"before", "first", "second"}


def test_an_archive_that_came_meanwhile_is_not_lost(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "results" / "rates.jsonl"

    def meanwhile(*_: object, **__: object) -> None:
        archive.parent.mkdir()
        shutil.copy(RESULTS / "mal_bp4d_twin.jsonl", archive)

    monkeypatch.setattr(report, "write_comparison", meanwhile)
    assert main(["report", str(folder), "--out", str(tmp_path / "out"), "--archive", str(archive)]) == 1
    assert "runs that would be lost" in capsys.readouterr().err
    assert archive.read_bytes() == (RESULTS / "mal_bp4d_twin.jsonl").read_bytes()
