"""Reports know methods and rows only from the papers' data files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import metafacs.reports
from metafacs.methods import FEW_SHOT, METHODS
from metafacs.reports.papers import PAPERS

FOLDER = Path(metafacs.reports.__file__).parent
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".py", ".css"))
NAMES = {
    *METHODS,
    *FEW_SHOT,
    *PAPERS,
    *(name for paper in PAPERS.values() for row in paper.rows for name in (row.name, *row.labels)),
}
WORDS = {name for name in NAMES if len(name) > 1}
"""All but the letters of an ablation's rows, which are words too."""

ENGLISH = {"landmarks"}
"""A row of a paper and the word for what records hold."""

ALLOWED = {"domain_pictures.py": {"dual_domain"}}
"""The module of the networks whose features it draws."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_report_names_a_method_or_a_row(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = {name for name in WORDS if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)}
    assert found - ENGLISH <= ALLOWED.get(path.name, set())


def test_the_papers_files_are_read_by_that_test() -> None:
    assert {"claims.py", "figures.py", "page.css", "style.py"} <= {path.name for path in FILES}
    assert {"mal", "MML, wild", "am_lab", "meta_sgd", "adld_P"} <= WORDS


def test_reports_import_methods_only_for_the_defaults_of_old_records() -> None:
    importing = [path.name for path in FILES if "metafacs.methods" in path.read_text(encoding="utf-8")]
    assert importing == ["options.py"]
    for path in (FOLDER / "papers").iterdir():
        assert path.suffix != ".py" or "metafacs.methods" not in path.read_text(encoding="utf-8")
