from __future__ import annotations

import json
from types import ModuleType

import pytest


def test_ends_with_one_json_line(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--size", "32", "--batch", "4", "--iterations", "1", "--rounds", "1"])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures["results"]) == {"multi_task", "mal", "dual_domain"}
    assert all(value > 0 for row in figures["results"].values() for value in row.values())
