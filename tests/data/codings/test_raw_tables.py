from __future__ import annotations

from pathlib import Path

from metafacs.data.codings.raw_tables import read_raw_table
from metafacs.texts import cell


def test_names_that_look_like_formulas_come_back(tmp_path: Path) -> None:
    names = ["@home.jpg", "=1+1.jpg", "-2.jpg", "a.jpg", "'b.jpg"]
    path = tmp_path / "faces.csv"
    path.write_text("input,AU12_c\n" + "".join(f"{cell(name)},1\n" for name in names))
    table = read_raw_table(path)
    assert table.texts("input") == names
    assert table.numbers("AU12_c", what="AU12").tolist() == [1.0] * 5
