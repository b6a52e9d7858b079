from __future__ import annotations

import json
from types import ModuleType

import pytest
import torch


def test_ends_with_one_json_line_in_which_all_agree(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    benchmark.main(
        ["--backbone", "small", "--size", "32", "--batch", "4,4,8", "--rounds", "1", "--no-memory"]
    )
    torch.set_num_threads(threads)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures["not_installed"]) <= {"higher", "torchopt"}
    for name, row in figures["results"].items():
        assert row["seconds"] > 0
        if name != "multi_task":
            assert row["cosine"] > (0.99 if name == "finite_difference" else 0.99999), name


@pytest.mark.parametrize("wrong", [["--batch", "64"], ["--only", "triple_backward"]])
def test_refuses_bad_arguments(benchmark: ModuleType, wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(wrong)
