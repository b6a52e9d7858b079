"""Whatever is wrong with a folder of parts is found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from metafacs.data.parts import RECEIPT, PartError, read_receipt
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import Inputs, list_inputs
from metafacs.inference.part_checks import account_for, merge_parts, write_failures
from metafacs.inference.part_plan import PartPlan, read_plan, write_plan
from metafacs.inference.part_work import PartJob, make_part
from metafacs.inference.predictions import Options


@pytest.fixture
def plan(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_detector: Callable[..., Detector],
    face: Image.Image,
    short_clip: Path,
) -> PartPlan:
    """Three parts of two pictures, one of them broken, and one of two videos, all made."""
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("set").mkdir()
    for i in range(4):
        face.save(f"set/{i}.png")
    Path("set/4.png").write_bytes(b"=no picture")
    for i in range(2):
        shutil.copy(short_clip, f"set/v{i}.mp4")
    inputs = list_inputs(["set"], Path("out"), Inputs())
    write_plan(Path("out"), inputs, {}, os.getcwd(), files_per_part=2)
    plan, detector = read_plan(Path("out")), make_detector()
    for part in plan.parts:
        make_part(lambda: detector, PartJob(plan.out, plan.folder, part, Options("parquet"), 0))
    return plan


def path_of(plan: PartPlan, number: int) -> Path:
    return plan.out / "parts" / plan.parts[number].name


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change the rows of a part and leave its receipt."""
    receipt = read_receipt(path).to_json()
    table = change(pq.read_table(path))
    pq.write_table(table.replace_schema_metadata({RECEIPT: receipt}), path)


def test_what_is_whole_is_whole(plan: PartPlan) -> None:
    account = account_for(plan, rows=True)
    assert account.is_whole
    assert (account.parts, account.files, account.analysed, account.failed) == (4, 7, 6, 1)
    assert (account.rows, account.faces) == (25, 24)
    assert account_for(plan) == account
    table = write_failures(plan).read_text().splitlines()
    assert len(table) == 2
    assert table[1].startswith("set/4.png,")
    assert table[1].endswith(",1")
    merge_parts(plan, Path("all.parquet"))
    merged = pq.read_table("all.parquet")
    assert merged.num_rows == 25
    assert not merged.schema.metadata
    assert merged.equals(
        pa.concat_tables([pq.read_table(path_of(plan, i)) for i in range(4)]).replace_schema_metadata(None)
    )


def test_a_missing_part_is_named(plan: PartPlan) -> None:
    path_of(plan, 1).unlink()
    account = account_for(plan, rows=True)
    assert not account.is_whole
    assert account.missing == [plan.parts[1].name]
    with pytest.raises(PartError, match=f"1 parts are not there yet, {plan.parts[1].name} first"):
        merge_parts(plan, Path("all.parquet"))
    assert not Path("all.parquet").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.slice(1), "1 files have other rows than told, the first 0, not 1"),
        (lambda table: pa.concat_tables([table, table.slice(1)]), "1 rows are there twice"),
        (
            lambda table: table.set_column(0, "frame", pa.array([0, 5], pa.int64())),
            "1 rows are of files that are not of this part",
        ),
    ],
)
def test_rows_that_are_lost_or_doubled_are_found(
    plan: PartPlan, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    number = next(part.number for part in plan.parts if part.first == 0 and part.kind == "picture")
    rewrite(path_of(plan, number), change)
    account = account_for(plan, rows=True)
    assert not account.is_whole
    assert any(message in sentence for sentence in account.wrong)


def failed_part(plan: PartPlan) -> tuple[Path, int]:
    """Return the part that holds the broken picture, and the picture's place in it."""
    for number in range(len(plan.parts)):
        receipt = read_receipt(path_of(plan, number))
        if receipt.failed:
            return path_of(plan, number), receipt.failed[0].number - receipt.first
    raise AssertionError


def rewrite_receipt(path: Path, rows: list[int], table: pa.Table) -> None:
    """Write a part with other rows, and the receipt of them."""
    receipt = replace(read_receipt(path), rows=tuple(rows)).to_json()
    pq.write_table(table.replace_schema_metadata({RECEIPT: receipt}), path)


def test_parts_of_versions_without_rows_of_what_failed_are_whole(plan: PartPlan) -> None:
    path, place = failed_part(plan)
    table = pq.read_table(path)
    kept = [i for i in range(table.num_rows) if i != place]
    rewrite_receipt(
        path, [int(i != place) for i in range(table.num_rows)], table.take(pa.array(kept, pa.int64()))
    )
    account = account_for(plan, rows=True)
    assert account.is_whole
    assert (account.failed, account.rows) == (1, 24)


def test_two_rows_of_what_failed_are_found(plan: PartPlan) -> None:
    path, place = failed_part(plan)
    table = pq.read_table(path)
    rows = [1 + (i == place) for i in range(table.num_rows)]
    rewrite_receipt(path, rows, pa.concat_tables([table, table.slice(place, 1)]))
    assert any("failed and has 2 rows" in sentence for sentence in account_for(plan).wrong)


def test_a_frame_that_is_lost_or_doubled_is_found(plan: PartPlan) -> None:
    number = next(part.number for part in plan.parts if part.kind == "video")
    path = path_of(plan, number)
    rewrite(path, lambda table: pa.concat_tables([table.slice(0, 9), table.slice(8)]))
    told = " ".join(account_for(plan, rows=True).wrong)
    assert "1 files have other rows than told, the first 11, not 10" in told
    assert "1 rows are there twice" in told


def test_parts_of_others_and_damaged_ones_are_found(plan: PartPlan) -> None:
    first, second = path_of(plan, 0), path_of(plan, 1)
    shutil.copy(first, second)
    shutil.copy(first, first.with_name("copy.parquet"))
    third = path_of(plan, 2)
    third.write_bytes(third.read_bytes()[:-100])
    account = account_for(plan)
    assert account.faults == 3
    told = " ".join(account.wrong)
    assert f"{second} has the receipt of another part" in told
    assert "copy.parquet is of no part of this run" in told
    assert f"{third} cannot be read as Parquet" in told


def test_receipts_are_sealed(plan: PartPlan) -> None:
    path = path_of(plan, 0)
    receipt = replace(read_receipt(path)).to_json().replace('"faces":2', '"faces":3')
    pq.write_table(pq.read_table(path).replace_schema_metadata({RECEIPT: receipt}), path)
    with pytest.raises(PartError, match="damaged or was edited"):
        read_receipt(path)
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    with pytest.raises(PartError, match="has no receipt"):
        read_receipt(path)
