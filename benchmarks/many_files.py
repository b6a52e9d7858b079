"""Lets two workers share many pictures and clips, and kills one of them twice: is anything lost?

A few faces and clips are rendered and copied under many names; some files are broken. One worker alone
makes all parts undisturbed. Then two workers share them without knowing of each other; one is killed by
SIGKILL twice, when a random number of files is finished, and started again. All parts must have the bytes
of the undisturbed run, and every file of the list must be in exactly one of them.

Example:
    python benchmarks/many_files.py
    python benchmarks/many_files.py --pictures 40 --clips 4 --seed 1
    python benchmarks/many_files.py --list 200000
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.context import ForkProcess
from pathlib import Path

from PIL import Image

from metafacs.cli import command_module
from metafacs.cli import main as metafacs
from metafacs.data.parts import part_files
from metafacs.data.videos import encode_video
from metafacs.inference.inputs import Inputs, list_inputs
from metafacs.inference.part_checks import account_for
from metafacs.inference.part_plan import PARTS, PLAN, WORK, PartPlan, read_plan, write_plan
from metafacs.synthesis.clips import render_clip

_RATE = 25
_SIZE = (160, 120)
_PEOPLE = 4
"""Clips that are rendered, each of somebody else; the others are copies."""

_FRAMES = 6
_LOOK_EVERY = 0.03
_LATEST = 0.85
"""Share of the parts after which the last kill comes at the latest."""


class LostFilesError(AssertionError):
    """Parts of killed workers that are not those of an undisturbed one."""


def make_files(folder: Path, pictures: int, clips: int) -> None:
    """Render a few clips, and copy them and their frames under as many names; every 100th is broken."""
    sources: list[Path] = []
    stills: list[Path] = []
    for i in range(_PEOPLE):
        frames = [frame.image for frame in render_clip("one", i, _FRAMES / _RATE, _RATE, _SIZE)]
        sources.append(folder / f"source{i}.mp4")
        encode_video(sources[-1], frames[:_FRAMES], _RATE)
        for j, frame in enumerate(frames[:: _FRAMES // 2]):
            stills.append(folder / f"source{i}_{j}.jpg")
            Image.fromarray(frame).save(stills[-1], quality=95)
    for kind, count, known in (("pictures", pictures, stills), ("clips", clips, sources)):
        for i in range(count):
            source = known[i % len(known)]
            path = folder / "set" / kind / f"{i // 1000:03}" / f"{i:06}{source.suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if i % 100 == 99:
                path.write_bytes(b"broken")
            else:
                shutil.copy(source, path)


def start(folder: Path, out: str, options: Sequence[str]) -> ForkProcess:
    """Start a worker: a copy of this process, which has loaded what it needs."""
    words = ["predict", "set", "--format", "parquet", "--workers", "1", "--quiet", "--out", out, *options]
    worker = multiprocessing.get_context("fork").Process(target=_work, args=(folder, words))
    worker.start()
    return worker


def _work(folder: Path, words: Sequence[str]) -> None:
    os.chdir(folder)
    # What failed is told of every broken file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sys.exit(metafacs(words))


def kept(out: Path) -> int:
    """Return how many files and frames lie finished in journals of parts that are in work."""
    count = 0
    for path in (out / WORK).glob("*/*.unfinished"):
        with suppress(FileNotFoundError):  # its part has just been finished
            count += path.read_bytes().count(b'{"frame":')
    return count


def share_and_kill(folder: Path, options: Sequence[str], chance: random.Random) -> dict[str, object]:
    """Let two workers make the parts, and kill one twice; return what was seen."""
    out = folder / "killed"
    moments = sorted(chance.uniform(0, _LATEST) for _ in range(2))
    steady, hunted = start(folder, "killed", options), start(folder, "killed", options)
    plan: PartPlan | None = None
    kills: list[dict[str, object]] = []
    began, memory = time.monotonic(), dict[str, int]()
    try:
        while steady.is_alive() or hunted.is_alive():
            time.sleep(_LOOK_EVERY)
            if not (out / PLAN).exists():
                continue
            plan = plan or read_plan(out)
            done = len(part_files(out / PARTS))
            if (share := done / len(plan.parts)) < 1:
                memory[f"{share:.1f}"] = _highest_memory(steady.pid) or memory.get(f"{share:.1f}", 0)
            holds = _claims(out, hunted.pid)
            # Few files are done before a process has started; the other one waits for it then.
            if steady.is_alive():
                waits = bool(moments) and not holds and hunted.is_alive()
                os.kill(steady.pid or 0, signal.SIGSTOP if waits else signal.SIGCONT)
            if moments and holds and share + kept(out) / plan.files >= moments[0]:
                moments.pop(0)
                hunted.kill()
                hunted.join()
                kills.append(
                    {"code": hunted.exitcode, "parts": len(part_files(out / PARTS)), "kept": kept(out)}
                )
                hunted = start(folder, "killed", options)
        codes = [steady.exitcode, hunted.exitcode]
    finally:
        for worker in (steady, hunted):
            worker.kill()
            worker.join()
    return {
        "seconds": round(time.monotonic() - began),
        "kills": kills,
        "codes": codes,
        "memory_mib": {share: value >> 10 for share, value in memory.items()},
    }


def _claims(out: Path, process: int | None) -> bool:
    """Return whether a process holds a part."""
    for path in (out / WORK).glob("*/.metafacs.holder"):
        with suppress(FileNotFoundError):
            if f"process {process} on" in path.read_text():
                return True
    return False


def _highest_memory(process: int | None) -> int:
    """Return the most memory that a process has had, in KiB; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def measure_listing(count: int) -> dict[str, object]:
    """Return how long it takes to list and cut so many files, and how much memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(count):
            path = folder / "set" / f"{i // 1000:04}" / f"{i:07}.jpg"
            if i % 1000 == 0:
                path.parent.mkdir(parents=True)
            path.write_bytes(b".")
        (folder / "out").mkdir()
        before = resource.getrusage(resource.RUSAGE_SELF)
        inputs = list_inputs([str(folder / "set")], folder / "out", Inputs())
        write_plan(folder / "out", inputs, {}, str(folder))
        after = resource.getrusage(resource.RUSAGE_SELF)
        plan = read_plan(folder / "out")
        return {
            "files": plan.files,
            "parts": len(plan.parts),
            "processor_seconds": round(
                after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1
            ),
            "memory_mib": [before.ru_maxrss >> 10, after.ru_maxrss >> 10],
        }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--files_per_part", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="a model of your own")
    parser.add_argument("--list", type=int, help="only list so many files")
    options = parser.parse_args(argv)
    if options.list:
        print(json.dumps(measure_listing(options.list)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Once for all workers: nothing of it starts a thread, so that the process can be copied.
        command_module("predict")
        make_files(folder, options.pictures, options.clips)
        words = ["--files_per_part", str(options.files_per_part)]
        words += ["--model", os.path.abspath(options.model)] if options.model else []
        undisturbed = start(folder, "whole", words)
        try:
            told = share_and_kill(folder, words, random.Random(options.seed))
            undisturbed.join()
        finally:
            undisturbed.kill()
        if undisturbed.exitcode not in (0, 1):
            raise LostFilesError(f"the undisturbed run ended with {undisturbed.exitcode}")
        plan = read_plan(folder / "whole")
        account = account_for(read_plan(folder / "killed"), rows=True)
        if not account.is_whole or account_for(plan, rows=True) != account:
            raise LostFilesError(f"not whole: {account}")
        for part in plan.parts:
            whole, killed = (folder / out / PARTS / part.name for out in ("whole", "killed"))
            if whole.read_bytes() != killed.read_bytes():
                raise LostFilesError(f"{part.name} has other bytes than in the undisturbed run")
        failed = [(folder / out / "failed.csv").read_bytes() for out in ("whole", "killed")]
        if failed[0] != failed[1]:
            raise LostFilesError("other files failed than in the undisturbed run")
        counts = {name: getattr(account, name) for name in ("files", "parts", "analysed", "failed", "rows")}
        print(json.dumps({**counts, **told, "lost": 0, "doubled": 0}))


if __name__ == "__main__":
    main()
