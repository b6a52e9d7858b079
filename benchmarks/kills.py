"""Kills ``metafacs predict`` at random moments, goes on with it, and looks whether anything was lost.

A clip and a few pictures are rendered, or inputs of your own are taken. Every run is killed once, by KILL,
TERM and INT in turn, at a moment between its first instruction and its last; ``--resume`` then ends it. Every
file must have the bytes of an undisturbed run but for the date of writing in sidecars and ELAN files.

Example:
    python benchmarks/kills.py --kills 20
    python benchmarks/kills.py session.mp4 photos --kills 20 --seed 1
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

from PIL import Image

from attacks.commands import run_copy
from attacks.folders import differing, tree_of
from metafacs.cli import command_module
from metafacs.data.videos import encode_video
from metafacs.synthesis.clips import CLIPS, render_clip

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_SIZE = (320, 180)
_PATIENCE = 600.0
_RATE = 25


class KilledRunError(AssertionError):
    """A killed run did not end with what an undisturbed one writes."""


def render_inputs(folder: Path, kind: str, seconds: float, pictures: int) -> list[str]:
    """Render a clip, and save some of its frames as pictures."""
    frames = [frame.image for frame in render_clip(kind, 0, seconds, _RATE, _SIZE)]
    clip = folder / "clip.mp4"
    encode_video(clip, frames, _RATE)
    for i in range(pictures):
        Image.fromarray(frames[i * len(frames) // pictures]).save(folder / f"{i}.png")
    return [str(clip), *(str(folder / f"{i}.png") for i in range(pictures))]


def kill_and_resume(words: list[str], out: Path, number: signal.Signals, delay: float) -> dict[str, object]:
    """Kill one run after a delay and let another go on; return what was seen.

    Raises:
        KilledRunError: If either ends with a code that it should not have.
    """
    shutil.rmtree(out, ignore_errors=True)
    code = run_copy(words, kill=(number, delay), seconds=_PATIENCE).code
    expected = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    # Before the command has taken over, a signal ends it at once.
    if code not in (expected, -number, 0):
        raise KilledRunError(f"{number.name} after {delay:.2f} s: exit code {code}, not {expected}")
    kept = sum(path.read_bytes().count(b'"frame":') for path in out.rglob("*.unfinished"))
    if (code := run_copy([*words, "--resume"], seconds=_PATIENCE).code) != 0:
        raise KilledRunError(f"{number.name} after {delay:.2f} s: --resume ended with {code}")
    return {"signal": number.name, "after": round(delay, 3), "frames_kept": kept}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("inputs", nargs="*", help="what is analysed; by default rendered")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clip", default="leaving", choices=sorted(CLIPS), help="what is rendered")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the rendered clip")
    parser.add_argument("--pictures", type=int, default=12, help="rendered pictures")
    parser.add_argument("--model", help="a model of your own")
    parser.add_argument("--more", default="--events --elan --plot", help="further options, in one word")
    options = parser.parse_args(argv)
    # Once for all runs: nothing of it starts a thread, so that the process can be copied.
    command_module("predict")
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        inputs = options.inputs or render_inputs(
            Path(folder), options.clip, options.seconds, options.pictures
        )
        words = ["predict", *inputs, "--out", str(out), "--workers", "1", *options.more.split()]
        words += ["--model", options.model] if options.model else []
        began = time.perf_counter()
        if (code := run_copy(words, seconds=_PATIENCE).code) != 0:
            raise KilledRunError(f"the undisturbed run ended with {code}")
        duration = time.perf_counter() - began
        undisturbed = tree_of(out)
        kills = []
        for i in range(options.kills):
            number = SIGNALS[i % len(SIGNALS)]
            kills.append(kill_and_resume(words, out, number, chance.uniform(0, duration)))
            if (told := differing(undisturbed, tree_of(out))) is not True:
                raise KilledRunError(f"{kills[-1]}: {told} from the undisturbed run's")
            print(f"{i + 1}/{options.kills}: {kills[-1]}: same bytes", flush=True)
    print(json.dumps({"seconds": round(duration, 2), "files": len(undisturbed), "kills": kills}))


if __name__ == "__main__":
    main()
