"""What ends a command is told in one sentence, whatever it is; only bugs keep their traceback."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from safetensors import SafetensorError

from metafacs import cli
from metafacs.cli import main
from metafacs.cli.errors import sentence

ERRORS = [
    (ValueError("a.csv has no column"), "a.csv has no column"),
    (ValueError("two\nlines\x1b[2J"), "two\nlines\\x1b[2J"),
    (MemoryError(), "memory is short for this; take smaller batches, or fewer --workers at a time"),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:1] can't allocate memory"), "memory is short for this; "),
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "memory is short for this; "),
    (RecursionError("maximum recursion depth exceeded"), "something that was read is nested too deeply"),
    (SafetensorError("header too large"), "header too large"),
    (
        OSError(errno.ENOSPC, "No space left on device", "a/b"),
        "a/b: No space left on device; make room there",
    ),
    (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    (ValueError(), "ValueError"),
]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Let every command raise what is put here."""
    wanted: dict[str, BaseException] = {}

    def run(_: object) -> None:
        raise wanted["error"]

    real = cli.command_module("methods")
    module = SimpleNamespace(build_parser=real.build_parser, run=run)
    monkeypatch.setattr(cli, "command_module", lambda name: module)
    return wanted


@pytest.mark.parametrize(("error", "told"), ERRORS)
def test_what_users_files_and_machines_cause_is_a_sentence(
    failing: dict[str, BaseException], error: Exception, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing["error"] = error
    assert main(["methods"]) == 1
    assert capsys.readouterr().err.startswith(f"metafacs methods: {told}")


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("shapes differ"), AttributeError("x")])
def test_a_bug_keeps_its_traceback(failing: dict[str, BaseException], error: Exception) -> None:
    failing["error"] = error
    assert sentence(error) == ""
    with pytest.raises(type(error)):
        main(["methods"])


@pytest.mark.parametrize(("text", "told"), [("", "stopped"), ("stopped at 7", "stopped at 7")])
def test_an_interrupt_is_told(
    failing: dict[str, BaseException], text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing["error"] = KeyboardInterrupt(text) if text else KeyboardInterrupt()
    assert main(["methods"]) == 130
    assert capsys.readouterr().err == f"{told}\n"


def test_what_fails_while_arguments_are_read_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build_parser(_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(cli, "command_module", lambda name: SimpleNamespace(build_parser=build_parser))
    with pytest.raises(SystemExit) as stop:
        main(["methods"])
    assert stop.value.code == 2
    assert "nested too deeply" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["cuda:7", "mps:3", "tpu", "gpu:0"])
def test_a_device_that_is_not_there_is_told(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["personalise", "--support", "x", "--out", "y", "--device", device]) == 1
    err = capsys.readouterr().err
    assert err.startswith("metafacs personalise: ")
    assert "device" in err
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_while_modules_are_imported_leaves_no_traceback() -> None:
    words = [sys.executable, "-c", "import sys; from metafacs.cli import main; print(1, flush=True); "]
    words[-1] += "sys.exit(main(['train', '--help']))"
    # A shell's background jobs are deaf to it, and so would be what they start.
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "stopped\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_told() -> None:
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "metafacs", "methods"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "metafacs methods: No space left on device; make room there, and run the same command again\n"
    )


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_reader_that_has_gone_ends_it_silently() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "metafacs", "methods"]
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode in (1, 141)


def test_a_warning_names_no_line_of_code() -> None:
    code = """
import warnings
from metafacs import cli
cli.command_module("methods").run = lambda arguments: warnings.warn("two people\\x1b are missing")
cli.main(["methods"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "warning: two people\\x1b are missing\n"


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "m.safetensors", "--action_units", "x"],
        ["analyse", "m.safetensors", "--action_units", "x", "--expression", "x", "--out", "y"],
        ["few_shot", "--action_units", "x", "--out", "y"],
        ["landmarks", "m.safetensors", "x", "--out", "y"],
    ],
)
def test_what_is_no_device_is_refused_before_anything_is_read(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--device", "tpu"]) == 1
    assert "'tpu' is no device that metafacs knows" in capsys.readouterr().err
