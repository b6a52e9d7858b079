from __future__ import annotations

import json
from types import ModuleType

import pytest


def test_ends_with_one_json_line(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--people", "3"])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])["results"]["rendered"]
    assert figures["people"] == 3
    assert figures["log-odds"] > 0.95
