"""What a folder of parts amounts to: is anything missing, doubled or strange, and what failed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from metafacs.data.parts import Failure, PartError, Receipt, part_files, read_receipt
from metafacs.files import written_whole
from metafacs.inference.part_plan import FAILED, PARTS, ListedFile, Part, PartPlan, listed_files
from metafacs.texts import cell

_NAMED = 20
"""Parts of each kind that are named; the others are only counted."""


@dataclass
class Account:
    """What parts amount to, against the list.

    Attributes:
        parts: How many there are to be.
        made: How many are there.
        files: Files of the list that the parts to be are of.
        analysed: How many of these were.
        failed: How many could not be.
        rows: Rows of the parts that are there.
        faces: Faces in them.
        missing: Names of parts that are not there, the first ones.
        wrong: Sentences on what must not be: damaged, doubled, of another run; the first ones.
        faults: How many such sentences there would be.
    """

    parts: int = 0
    made: int = 0
    files: int = 0
    analysed: int = 0
    failed: int = 0
    rows: int = 0
    faces: int = 0
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    faults: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every file of the list is in exactly one part, with its rows or as failed."""
        return self.made == self.parts and not self.faults

    def add_fault(self, sentence: str) -> None:
        """Note what must not be."""
        self.faults += 1
        if len(self.wrong) < _NAMED:
            self.wrong.append(sentence)


def account_for(plan: PartPlan, parts: Iterable[Part] | None = None, *, rows: bool = False) -> Account:
    """Return what the parts of a plan amount to, in memory that does not grow with them.

    Args:
        plan: What there is to be.
        parts: Which parts are looked at; None for all.
        rows: Count the rows of every file, too, and look for a row that is there twice; else only the feet of
            the parts are read.
    """
    chosen = plan.parts if parts is None else tuple(parts)
    account = Account(parts=len(chosen), files=sum(part.files for part in chosen))
    there = plan.finished()
    for part in chosen:
        if part.name not in there:
            if len(account.missing) < _NAMED:
                account.missing.append(part.name)
            continue
        account.made += 1
        try:
            _add_part(account, plan, part, rows)
        except PartError as error:
            account.add_fault(str(error))
    known = {part.name for part in plan.parts}
    for path in part_files(plan.out / PARTS):
        if path.name not in known:
            account.add_fault(f"{path} is of no part of this run; move it elsewhere")
    return account


def failures_of(plan: PartPlan) -> Iterator[Failure]:
    """Yield the files that could not be analysed, in the order of the list, of all parts that are there.

    Raises:
        PartError: If a part is damaged.
    """
    there = plan.finished()
    for part in plan.parts:
        if part.name in there:
            yield from read_receipt(plan.out / PARTS / part.name).failed


def write_failures(plan: PartPlan) -> Path:
    """Write the table of the files that could not be analysed; return where it is."""
    path = plan.out / FAILED
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "problem", "tries"])
        table.writerows([cell(one.input), cell(one.problem), one.tries] for one in failures_of(plan))
    return path


def merge_parts(plan: PartPlan, path: Path) -> None:
    """Write the rows of all parts into one Parquet file, in the order of the list, a part at a time.

    Raises:
        PartError: If a part is missing.
    """
    there = plan.finished()
    if missing := [part.name for part in plan.parts if part.name not in there]:
        raise PartError(f"{len(missing)} parts are not there yet, {missing[0]} first; nothing was merged")
    schema = pq.read_schema(plan.out / PARTS / plan.parts[0].name)
    # The receipt of the first part says nothing of the others.
    schema = schema.remove_metadata()
    with written_whole(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for part in plan.parts:
            with pq.ParquetFile(plan.out / PARTS / part.name) as file:
                for batch in file.iter_batches():
                    writer.write_batch(batch.replace_schema_metadata(None))


def _add_part(account: Account, plan: PartPlan, part: Part, rows: bool) -> None:
    path = plan.out / PARTS / part.name
    receipt = read_receipt(path)
    if (receipt.part, receipt.first, len(receipt.rows)) != (part.name, part.first, part.files):
        raise PartError(f"{path} has the receipt of another part; remove it and predict again")
    failed = {one.number for one in receipt.failed}
    account.failed += len(failed)
    account.analysed += part.files - len(failed)
    account.rows += sum(receipt.rows)
    account.faces += receipt.faces
    most = 1 if part.kind == "picture" else 0
    for number, count in enumerate(receipt.rows, part.first):
        if count > most and number in failed:
            account.add_fault(f"{path}: file {number} failed and has {count} rows")
        elif count == 0 and number not in failed and part.kind == "picture":
            account.add_fault(f"{path}: file {number} has no row and did not fail")
    if rows:
        _compare_rows(account, path, part, receipt, listed_files(plan.out, plan.folder, part))


def _compare_rows(
    account: Account, path: Path, part: Part, receipt: Receipt, files: list[ListedFile]
) -> None:
    """Note where the rows of a part are not as many per file as its receipt says, or one is there twice."""
    try:
        table = pq.read_table(path, columns=["input", "frame", "face_id"]).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise PartError(f"{path} cannot be read ({error}); remove it and predict again") from error
    if part.kind == "picture":
        numbers = table["frame"].to_numpy()
        outside = (numbers < part.first) | (numbers >= part.first + part.files)
        counts = np.bincount(numbers[~outside] - part.first, minlength=part.files).tolist()
        told = list(receipt.rows)
        strange = int(outside.sum())
    else:
        # Two videos may have the same name in print.
        told_of: dict[str, int] = {}
        for file, count in zip(files, receipt.rows, strict=True):
            told_of[file.name] = told_of.get(file.name, 0) + count
        found = table["input"].value_counts()
        counts, told = [int(found.get(name, 0)) for name in told_of], list(told_of.values())
        strange = len(table) - sum(counts)
    if strange:
        account.add_fault(f"{path}: {strange} rows are of files that are not of this part")
    wrong = [i for i, (count, expected) in enumerate(zip(counts, told, strict=True)) if count != expected]
    if wrong:
        i = wrong[0]
        account.add_fault(
            f"{path}: {len(wrong)} files have other rows than told, the first {counts[i]}, not {told[i]}"
        )
    if doubled := int(table.duplicated().sum()):
        account.add_fault(f"{path}: {doubled} rows are there twice")
