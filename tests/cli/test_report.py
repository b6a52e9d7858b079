"""Reports from folders of records and from archives, tried on the archives that the repository holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.cli import main
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
    overview.write_text(f"{','.join(COLUMNS)}\nother{',' * 17}\nrates,old{',' * 16}\nzebra{',' * 17}\n")
    first, again = tmp_path / "first", tmp_path / "again"
    assert main(["report", str(folder), "--out", str(first), "--archive", str(archive)]) == 0
    assert f"archive: {archive}, 3 runs" in capsys.readouterr().out
    assert read_records(archive) == records
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
    assert "no curve" in capsys.readouterr().err


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
