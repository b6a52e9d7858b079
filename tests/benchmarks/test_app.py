from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import clips

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is told by Linux only")
def test_memory_is_that_of_a_process_and_of_those_it_started(benchmark: ModuleType) -> None:
    alone = benchmark.memory_of(os.getpid())
    program = "held = bytearray(range(256)) * 400_000; print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together = benchmark.memory_of(os.getpid())
        child.communicate(b"\n")
    assert 95 < together - alone < 200
    assert benchmark.memory_of(child.pid) == 0


def test_a_clip_is_encoded_for_browsers(benchmark: ModuleType, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "old.mp4", clips.pictures_of(range(6)), codec="mpeg4")
    found = benchmark.to_h264(source, tmp_path / "new.mp4")
    with benchmark.av.open(str(found)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert len(list(container.decode(video=0))) == 6
