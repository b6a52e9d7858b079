from __future__ import annotations

import json
from types import ModuleType

import pytest
import torch


# Bfloat16 has eight bits, and the gradient of random pictures is noise.
@pytest.mark.parametrize(("precision", "cosine"), [("float32", 0.99999), ("bfloat16", 0.9)])
def test_ends_with_one_json_line_in_which_all_agree(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str], precision: str, cosine: float
) -> None:
    threads = torch.get_num_threads()
    tiny = ["--backbone", "small", "--size", "32", "--batch", "8,8,16", "--rounds", "1", "--no-memory"]
    benchmark.main([*tiny, "--precision", precision])
    torch.set_num_threads(threads)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures["not_installed"]) <= {"higher", "torchopt"}
    for name, row in figures["results"].items():
        assert row["seconds"] > 0
        if name != "multi_task":
            assert row["cosine"] > (0.99 if name == "finite_difference" else cosine), name
    assert ("finite_difference" in figures["results"]) == (precision == "float32")


@pytest.mark.parametrize("wrong", [["--batch", "64"], ["--only", "triple_backward"]])
def test_refuses_bad_arguments(benchmark: ModuleType, wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(wrong)
