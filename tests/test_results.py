"""The archives that the repository holds: small, whole, explained and in step with the overview."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metafacs.evaluation.archive import archives_in, write_archive
from metafacs.evaluation.few_shot_records import read_few_shot_records
from metafacs.evaluation.records import read_records
from metafacs.reports.comparison import Comparison
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.overview import few_shot_overview_lines, overview_lines, read_overview

RESULTS = Path(__file__).parents[1] / "results"
ARCHIVES = archives_in(RESULTS)


def test_results_are_archives_an_overview_and_a_guide_of_less_than_six_megabytes() -> None:
    # A lock of who archived there is no result, nor in the repository.
    files = [file for file in RESULTS.iterdir() if not file.name.startswith(".metafacs")]
    assert set(files) == {*ARCHIVES, RESULTS / "summary.csv", RESULTS / "README.md"}
    assert sum(file.stat().st_size for file in files) < 6_000_000
    assert {line["comparison"] for line in read_overview(RESULTS / "summary.csv")} == {
        archive.stem for archive in ARCHIVES
    }


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_an_archive_reads_is_explained_and_agrees_with_the_overview(archive: Path, tmp_path: Path) -> None:
    learned = read_few_shot_records(archive)
    records = [] if learned else read_records(archive)
    lines = (
        few_shot_overview_lines(archive.stem, FewShotComparison(learned))
        if learned
        else overview_lines(archive.stem, Comparison(records))
    )
    shipped = [line for line in read_overview(RESULTS / "summary.csv") if line["comparison"] == archive.stem]
    assert [{key: value for key, value in line.items() if value} for line in shipped] == [
        {key: value for key, value in line.items() if value} for line in lines
    ]
    assert f"`{archive.name}`" in (RESULTS / "README.md").read_text(encoding="utf-8")
    header = json.loads(archive.read_text(encoding="utf-8").partition("\n")[0])
    kept = learned or records
    assert (header["name"], header["synthetic"]) == (archive.stem, kept[0].synthetic)
    write_archive(tmp_path / archive.name, kept, name=archive.stem)
    again = read_few_shot_records(tmp_path / archive.name) or read_records(tmp_path / archive.name)
    assert [json.dumps(record.to_json()) for record in again] == [
        json.dumps(record.to_json()) for record in kept
    ]
