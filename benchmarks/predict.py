"""How fast videos become tables, where the time goes, and how much memory it takes.

Renders two clips of 640 x 360 pixels, of one face and of four, and runs the packaged detector over them as
``metafacs predict`` does: decoding in a thread of its own, tracking, networks, journal, table. Each figure is
of a fresh process that is kept to one core, after a few frames that are not counted, in which everything is
loaded. Parts are in milliseconds of processor time per frame; frames per second are given of processor time,
which other programs on the machine disturb little, and by the clock.

Without tracking, the faces are looked for anew in every frame. With ``--minutes 1 30`` the peak memory of a
long video is compared with that of a short one; the clip is repeated, and every frame is decoded and
analysed, so this takes the time of as long a video.

Example:
    python benchmarks/predict.py --seconds 8 --clips runs/clips
    python benchmarks/predict.py session.mp4
    python benchmarks/predict.py --minutes 1 30 --clips runs/clips
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.videos import EVERY_FRAME, Frame, FrameSource, Selection, Video, encode_video
from metafacs.faces.blazeface import BlazeFace
from metafacs.faces.mesh import FaceMesh
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tracking import FaceTracker, TrackedFace
from metafacs.inference.annotate import annotate_video
from metafacs.inference.detector import Detector, Picture
from metafacs.inference.engine import GROUP, analyse_frames
from metafacs.inference.journal import CHECKPOINT_EVERY, Journal, read_journal
from metafacs.inference.loading import load_detector
from metafacs.inference.writers import open_writer
from metafacs.processes import keep_freed_memory, use_one_thread
from metafacs.synthesis.clips import render_clip

RATE = 25
CLIPS = {"one face": 1, "four faces": 4}
PARTS = ("decode", "detect", "landmark", "follow", "align", "network", "write", "overlay", "other")
WARM_UP = 2 * GROUP


class Stopwatch:
    """Adds up the processor time of threads, by the innermost part that is under way."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, part: str, work: Callable[..., Any], *inner: str) -> Callable[..., Any]:
        """Return the function with its time added to a part; that of inner parts is not its own."""

        @wraps(work)
        def measured(*arguments: Any, **options: Any) -> Any:
            inside = sum(self.seconds[name] for name in inner)
            start = time.thread_time()
            try:
                return work(*arguments, **options)
            finally:
                taken = time.thread_time() - start
                self.seconds[part] += taken - (sum(self.seconds[name] for name in inner) - inside)

        return measured

    def watch(self, detector: Detector) -> None:
        """Measure the parts of the analysis from now on."""
        BlazeFace.__call__ = self.timed("detect", BlazeFace.__call__)  # type: ignore[method-assign]
        FaceMesh.__call__ = self.timed("landmark", FaceMesh.__call__)  # type: ignore[method-assign]
        for tracker in (FaceTracker, Search):
            tracker.advance = self.timed("follow", tracker.advance, "detect", "landmark")  # type: ignore[method-assign]
        Detector.crops = self.timed("align", Detector.crops)  # type: ignore[method-assign]
        Detector.read = self.timed("network", Detector.read)  # type: ignore[method-assign]
        Journal.append = self.timed("write", Journal.append)  # type: ignore[method-assign]
        Journal.checkpoint = self.timed("write", Journal.checkpoint)  # type: ignore[method-assign]


class Search(FaceTracker):
    """Looks for the faces anew in every frame."""

    def advance(self, image: Picture, timestamp: float) -> list[TrackedFace]:
        """Return the faces, largest first."""
        return [TrackedFace(number, face) for number, face in enumerate(find_faces(image))]


class Repeated:
    """A video, again and again, each time decoded anew.

    Args:
        video: What is repeated.
        count: Frames in all.
        watch: Measures the decoding; None not to.
    """

    def __init__(self, video: Video, count: int, watch: Stopwatch | None = None) -> None:
        self._video, self._watch = video, watch
        self.name, self.notes, self.rate = video.name, video.notes, video.rate
        self.width, self.height = video.width, video.height
        self.frame_count: int | None = count

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        """Yield the first frames; no others can be asked for."""
        number = 0
        while number < (self.frame_count or 0):
            frames = self._video.frames()
            take = next if self._watch is None else self._watch.timed("decode", next)
            while number < (self.frame_count or 0):
                frame = take(frames, None)
                if frame is None:
                    break
                yield Frame(number, number / RATE, frame.image, frame.problem)
                number += 1


def make_clip(path: Path, faces: int, seconds: float) -> Path:
    """Render a clip, forward and backward, so that it can be repeated without a jump."""
    if path.exists():
        return path
    print(f"rendering {path.name}", file=sys.stderr, flush=True)
    size = (640, 360) if faces == 1 else (320, 180)
    parts = [
        [frame.image for frame in render_clip("one", seed, seconds, RATE, size)] for seed in range(faces)
    ]
    whole = [
        images[0] if faces == 1 else np.vstack([np.hstack(images[:2]), np.hstack(images[2:])])
        for images in zip(*parts, strict=True)
    ]
    encode_video(path, [*whole, *whole[::-1]], RATE)
    return path


def run(detector: Detector, source: FrameSource, folder: Path, options: argparse.Namespace) -> None:
    """Analyse and write, as the command does."""
    tracker = Search() if options.case == "search" else FaceTracker()
    with Journal.start(folder / "journal", {}) as journal:
        for results in analyse_frames(detector, source, tracker=tracker):
            journal.append(results)
            if journal.frames % CHECKPOINT_EVERY == 0 and options.case != "search":
                journal.checkpoint(journal.next_frame, tracker.state())
        journal.finish()


def write(detector: Detector, folder: Path) -> None:
    with open_writer(folder / "faces.csv", "openface", detector) as writer:
        for results in read_journal(folder / "journal")[1]:
            for face in results.faces:
                writer.write(face)


class Again:
    """The results of a journal, as often as they are asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Any]:
        return read_journal(self._path)[1]


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Return what a run in this process takes."""
    use_one_thread()
    keep_freed_memory()
    if options.core >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[options.core]})
    detector, video, watch = load_detector(options.model), Video(options.video), Stopwatch()
    count = options.frames or video.frame_count or 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run(detector, Repeated(video, min(count, WARM_UP)), folder, options)
        watch.watch(detector)
        wall, processor = time.perf_counter(), time.process_time()
        source = Repeated(video, count, watch)
        run(detector, source, folder, options)
        watch.timed("write", write)(detector, folder)
        if options.case == "overlay":
            again = Repeated(video, count)
            overlay = watch.timed("overlay", annotate_video)
            before = time.process_time()
            overlay(again, Again(folder / "journal"), folder / "overlay.mp4", detector)
            # Decoding and encoding of the overlay have threads of their own.
            watch.seconds["overlay"] = time.process_time() - before
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        with_face = sum(
            results.faces[0].success for results in islice(read_journal(folder / "journal")[1], count)
        )
    watch.seconds["other"] = processor - sum(watch.seconds.values())
    return {
        "frames": count,
        "with_face": with_face,
        "frames_per_processor_second": round(count / processor, 2),
        "frames_per_second": round(count / wall, 2),
        "milliseconds": {part: round(1000 * watch.seconds[part] / count, 3) for part in PARTS},
        "mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def begin(
    options: argparse.Namespace, video: Path, case: str, core: int = 0, frames: int = 0
) -> subprocess.Popen[str]:
    """Start a measurement in a fresh process."""
    words = [sys.executable, str(Path(__file__).resolve()), str(video), "--case", case]
    words += ["--core", str(core), "--frames", str(frames)]
    if options.model is not None:
        words += ["--model", str(options.model)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def measure_speed(options: argparse.Namespace, videos: dict[str, Path]) -> dict[str, object]:
    """Print and return the table of times."""
    print(f"{'':26}{'per core':>9}{'by clock':>9}{'MiB':>6}  " + "".join(f"{part:>9}" for part in PARTS))
    found: dict[str, object] = {}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name, video in videos.items():
        cases = {"tracked": (0,), "search": (0,), "overlay": (-1,), "tracked, two processes": (0, 1 % cores)}
        for case, places in cases.items():
            started = [begin(options, video, case.split(",")[0], core) for core in places]
            rows = [result_of(process) for process in started]
            row = rows[0] | {"frames_per_second": round(sum(one["frames_per_second"] for one in rows), 2)}
            found[f"{name}, {case}"] = row
            print(
                f"{name[:12] + ', ' + case:26.26}{row['frames_per_processor_second']:9.1f}"
                f"{row['frames_per_second']:9.1f}{row['mib']:6.0f}  "
                + "".join(f"{row['milliseconds'][part]:9.2f}" for part in PARTS),
                flush=True,
            )
    return found


def measure_memory(options: argparse.Namespace, videos: dict[str, Path]) -> dict[str, object]:
    """Print and return the peak memory of videos of some lengths."""
    found: dict[str, object] = {}
    for name, video in videos.items():
        for minutes in options.minutes:
            row = result_of(begin(options, video, "tracked", frames=round(minutes * 60 * RATE)))
            found[f"{name}, {minutes:g} minutes"] = row
            print(f"{name}, {minutes:g} minutes: {row['mib']:.0f} MiB at the most", flush=True)
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path, nargs="?", default=None, help="instead of the rendered clips")
    parser.add_argument("--model", type=Path, default=None, help="without it the detector in the package")
    parser.add_argument("--seconds", type=float, default=8.0, help="rendered; each clip is twice as long")
    parser.add_argument("--clips", type=Path, default=None, help="folder to keep the rendered clips")
    parser.add_argument(
        "--minutes", type=float, nargs="+", default=[], help="measure the memory of these lengths"
    )
    parser.add_argument(
        "--case", choices=("tracked", "search", "overlay"), default=None, help="only in this process"
    )
    parser.add_argument("--core", type=int, default=-1, help="with --case: the core to use; -1 for all")
    parser.add_argument("--frames", type=int, default=0, help="with --case: how many, repeating the video")
    options = parser.parse_args(arguments)
    if options.case:
        print(json.dumps(measure(options)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.clips or Path(temporary)
        videos = (
            {options.video.name: options.video}
            if options.video
            else {
                name: make_clip(
                    folder / f"{name.replace(' ', '_')}_{options.seconds:g}.mp4", faces, options.seconds
                )
                for name, faces in CLIPS.items()
            }
        )
        results = measure_memory(options, videos) if options.minutes else measure_speed(options, videos)
    print(json.dumps({"benchmark": "predict", "seconds": options.seconds, "results": results}))


if __name__ == "__main__":
    main(sys.argv[1:])
