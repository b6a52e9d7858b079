"""The Arrow files of a prepared store: how they are written, and that they are still what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from msgspec import Meta

from metafacs.files import written_whole

LANDMARKS = 68
ANGLES = 3

Count = Annotated[int, Meta(ge=0)]


class StoreError(ValueError):
    """The folder is not a finished prepared store; the message says what to run."""


@dataclass(frozen=True)
class Shard:
    """What tells an Arrow file from a damaged or exchanged one.

    Labels and everything else that is looked at when a store is opened are known by ``digest``; the crops,
    which are much larger and read one by one, each by a digest in the column ``image_digest``.

    Attributes:
        name: Of the file, in the folder of the store.
        rows: Number of crops.
        size: Of the file in bytes.
        crops: First byte of the encoded crops in the file, and the one after their last.
        digest: SHA-256 of the bytes before and after the crops, as hexadecimal digits.
    """

    name: Annotated[str, Meta(pattern=r"^\w[\w.-]*$")]
    rows: Count
    size: Count
    crops: tuple[Count, Count]
    digest: str


def shard_schema(aus: Sequence[int], expressions: Sequence[str]) -> pa.Schema:
    """Return the Arrow schema of one shard: a crop as encoded picture and everything known about it."""
    return pa.schema(
        [
            pa.field("key", pa.string()),
            pa.field("picture", pa.string()),
            pa.field("subject", pa.string()),
            pa.field("part", pa.string()),
            pa.field("image", pa.binary()),
            pa.field("image_digest", pa.uint64()),
            pa.field("landmarks", pa.list_(pa.float32(), LANDMARKS * 2)),
            pa.field("pose", pa.list_(pa.float32(), ANGLES)),
            pa.field("action_units", pa.list_(pa.float32(), len(aus))),
            pa.field("intensities", pa.list_(pa.float32(), len(aus))),
            pa.field("expression", pa.int8()),
            pa.field("votes", pa.list_(pa.float32(), len(expressions))),
        ]
    )


def crop_digest(encoded: bytes | pa.Buffer) -> int:
    """Return the first 64 bits of the SHA-256 of an encoded crop."""
    return int.from_bytes(hashlib.sha256(encoded).digest()[:8], "little")


def write_rows(path: Path, rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> Shard:
    """Write the rows of a shard, whole or not at all, and return what tells the file from a damaged one.

    Args:
        path: The file.
        rows: Column -> value; what is missing is unknown. The digests of the crops are added.
        schema: See :func:`shard_schema`.
    """
    filled = [{"image": b"", **row} for row in rows]
    table = pa.Table.from_pylist(
        [{**row, "image_digest": crop_digest(row["image"])} for row in filled],
        schema=schema,
    )
    with (
        written_whole(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        writer.write_table(table, max_chunksize=max(len(rows), 1))
    content = pa.memory_map(str(path)).read_buffer()
    written = pa.ipc.open_file(pa.BufferReader(content)).read_all()
    crops = (0, 0)
    if rows:
        encoded = written.column("image").chunk(0).buffers()[2]
        if encoded.size:
            start = encoded.address - content.address
            crops = (start, start + encoded.size)
    return Shard(path.name, len(rows), content.size, crops, _digest(content, crops))


def open_shard(folder: Path, shard: Shard) -> pa.Table:
    """Return the rows of a shard; the crops stay on the disk and are checked by :func:`check_crops`.

    Nothing of a damaged file reaches Arrow, which trusts what it reads.

    Raises:
        FileNotFoundError: If the file is missing.
        StoreError: If it is not what was written.
    """
    path = folder / shard.name
    if path.stat().st_size == shard.size and path.is_file():
        content = pa.memory_map(str(path)).read_buffer()
        if shard.crops[0] <= shard.crops[1] <= content.size and shard.digest == _digest(content, shard.crops):
            return pa.ipc.open_file(pa.BufferReader(content)).read_all()
    raise StoreError(f"{path} is damaged: its content is not what was written")


def check_crops(folder: Path, shard: Shard) -> None:
    """Read all crops of a shard.

    Raises:
        FileNotFoundError: If the file is missing.
        StoreError: If anything in it is not what was written.
    """
    table = open_shard(folder, shard)
    digests = table.column("image_digest").to_pylist()
    for row, crop in enumerate(table.column("image")):
        if crop_digest(crop.as_buffer()) != digests[row]:
            raise StoreError(f"{folder / shard.name} is damaged: crop {row} is not what was written")


def _digest(content: pa.Buffer, crops: tuple[int, int]) -> str:
    view = memoryview(content)
    digest = hashlib.sha256(view[: crops[0]])
    digest.update(view[crops[1] :])
    return digest.hexdigest()
