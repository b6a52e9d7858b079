from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from metafacs.data.codings.raw_tables import read_raw_table
from metafacs.texts import cell


def test_names_that_look_like_formulas_come_back(tmp_path: Path) -> None:
    names = ["@home.jpg", "=1+1.jpg", "-2.jpg", "a.jpg", "'b.jpg"]
    path = tmp_path / "faces.csv"
    path.write_text("input,AU12_c\n" + "".join(f"{cell(name)},1\n" for name in names))
    table = read_raw_table(path)
    assert table.texts("input") == names
    assert table.numbers("AU12_c", what="AU12").tolist() == [1.0] * 5


def test_single_precision_is_the_number_that_was_written(tmp_path: Path) -> None:
    written = [0.35, 0.7, 0.3499, 12345.678, 3.0]
    path = tmp_path / "faces.parquet"
    pq.write_table(pa.table({"AU12_p": pa.array(written, pa.float32()), "t": pa.array(written)}), path)
    table = read_raw_table(path)
    assert table.numbers("AU12_p", what="AU12")[:3].tolist() == written[:3]
    np.testing.assert_allclose(table.numbers("AU12_p", what="AU12"), written, rtol=1e-7)
    assert table.numbers("t", what="t").tolist() == written
