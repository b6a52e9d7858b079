"""The command that opens the page: what it says, what it refuses, and that nothing is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from metafacs.app.server import remove_left_folders
from metafacs.cli import main
from metafacs.locks import claimed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--share_on", "0.0.0.0:8080"], "--password too"),
        (["--password", "long enough a password"], "is for --share_on"),
        (["--share_on", "8080", "--password", "long enough a password"], "HOST:PORT"),
        (["--share_on", "me:99999", "--password", "long enough a password"], "HOST:PORT"),
        (["--share_on", "127.0.0.1:8080", "--password", "short"], "at least 10"),
        (["--upload_limit", "0"], "above 0"),
        (["--port", "99999"], "below 65536"),
        (["--models", "nothing.safetensors"], "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["app", "--browser", "false", *words]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals as here are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-m", "metafacs", "app", "--browser", "false"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"(http://127\.0\.0\.1:\d+)/open\?token=\S+", process.stdout.readline())
        assert found is not None
        with urllib.request.urlopen(found[0], timeout=60) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{found[1]}/api/session", timeout=60)
        assert [path for path in tmp_path.iterdir() if path.name.startswith("metafacs-app-")]
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("metafacs-app-")]


def test_what_a_killed_server_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, used, young = (tmp_path / f"metafacs-app-{name}" for name in ("left", "used", "young"))
    for folder in (left, used, young):
        (folder / "file").mkdir(parents=True)
    other = tmp_path / "metafacs-apple"
    other.mkdir()
    with claimed(used, "test"):
        for folder in (left, used, other):
            os.utime(folder, (0, 0))
        remove_left_folders()
    assert {path.name for path in tmp_path.iterdir()} == {used.name, young.name, other.name}
