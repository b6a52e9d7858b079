from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from metafacs.locks import HOLDER_FILE, OWN_FILES, FolderInUseError, claimed

_HOLD = """
import sys, time
from metafacs.locks import claimed
with claimed(sys.argv[1], "training mal"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_claim_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with claimed(tmp_path / "run", "training mal") as folder:
        expected = f"run \\(training mal, process {os.getpid()} on .* since 20"
        with pytest.raises(FolderInUseError, match=expected), claimed(folder, "training mml"):
            pass
    assert {path.name for path in folder.iterdir()} <= OWN_FILES - {HOLDER_FILE}
    with claimed(folder, "training mml"):
        pass


def test_claim_of_a_killed_process_ends_and_its_leftovers_go(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(FolderInUseError, match=f"process {process.pid} "), claimed(tmp_path, "x"):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    (tmp_path / ".model.safetensors.1234.partial").write_bytes(b"half")
    (tmp_path / ".mine.partial").write_bytes(b"kept")
    with claimed(tmp_path, "x"):
        left = {path.name for path in tmp_path.iterdir()} - OWN_FILES
        assert left == {".mine.partial"}


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = f"the folder {tmp_path / 'file'} cannot be written (it is a file); give another one"
    with pytest.raises(OSError, match=re.escape(told)), claimed(tmp_path / "file", "x"):
        pass
