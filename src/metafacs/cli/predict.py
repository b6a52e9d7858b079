"""Tell which action units the faces on pictures and in videos show."""

from __future__ import annotations

import hashlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType
from typing import Literal

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.cli.prediction_parts import RETRIES, PartsRun
from metafacs.cli.prediction_run import PredictionRun, Terminated
from metafacs.data.videos import Selection, parse_time
from metafacs.inference import loading
from metafacs.inference.baseline import parse_neutral
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import InputError, Inputs, gather_inputs
from metafacs.inference.loading import load_detector
from metafacs.inference.outputs import plan_outputs
from metafacs.inference.predictions import Options
from metafacs.inference.writers import WRITERS
from metafacs.models.backends import BACKENDS
from metafacs.processes import use_one_thread, worker_count
from metafacs.shares import ALL, parse_share
from metafacs.texts import printable


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "inputs",
        type=str,
        nargs="+",
        help="pictures, videos, folders of them (with everything below), patterns in quotes such as "
        "'clips/**/*.mp4', or camera (camera:1 for the second one), which runs until Ctrl-C",
    )
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="model.safetensors that 'metafacs train' wrote, model.onnx that 'metafacs export' did, or "
        "hf:user/name[@revision] of the Hugging Face Hub; without it the detector in the package, which was "
        "trained on rendered people",
    )
    parser.add_argument(
        "--person", type=Path | None, default=None, help="file of 'metafacs personalise' for this model"
    )
    parser.add_argument("--out", type=Path, default=Path("predictions"), help="folder for all results")
    parser.add_argument(
        "--format", type=Literal[tuple(WRITERS)], default="openface", help="convention of the tables"
    )
    parser.add_argument(
        "--overlay",
        type=bool | None,
        default=None,
        help="draw the results onto pictures and videos; default onto pictures only",
    )
    parser.add_argument("--events", action="store_true", help="of videos: table of onsets, peaks, offsets")
    parser.add_argument("--elan", action="store_true", help="of videos: events as an ELAN file")
    parser.add_argument("--boris", action="store_true", help="of videos: events as BORIS exports them")
    parser.add_argument("--plot", action="store_true", help="of videos: the AUs over time as PNG and SVG")
    parser.add_argument("--every", type=int, default=1, help="of videos: take every N-th frame")
    parser.add_argument("--fps", type=float | None, default=None, help="of videos: take F frames per second")
    parser.add_argument(
        "--start", type=str | None, default=None, help="of videos: seconds or h:mm:ss.s to begin at"
    )
    parser.add_argument(
        "--end", type=str | None, default=None, help="of videos: seconds or h:mm:ss.s to end before"
    )
    parser.add_argument(
        "--frames",
        type=float | None,
        default=None,
        help="every folder with pictures is a video, its numbered pictures the frames, so many per second",
    )
    parser.add_argument(
        "--neutral",
        type=str,
        default="none",
        help="of videos: judge people against their own rest, found in quiet frames (auto) or in frames that "
        "you name, e.g. 0-50,200-260",
    )
    parser.add_argument(
        "--workers", type=int | None, default=None, help="processes for many files; default one per core"
    )
    parser.add_argument(
        "--shard",
        type=str | None,
        default=None,
        help="of very many files: which share of the parts this command makes, e.g. 3/10; the table is a "
        "folder "
        "of parts then, and --format is parquet",
    )
    parser.add_argument(
        "--files_per_part",
        type=int | None,
        default=None,
        help="of very many files: how many make a part, which is written once; default 1000 pictures or 10 "
        "videos; without --shard all commands with the same --out share the parts among them",
    )
    parser.add_argument(
        "--retries",
        type=int | None,
        default=None,
        help="of very many files: how often one that failed is tried again; default 2",
    )
    parser.add_argument("--resume", action="store_true", help="go on with a run that was ended")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there already")
    parser.add_argument("--quiet", action="store_true", help="print only what went wrong")
    parser.add_argument("--device", type=str, default="cpu", help="cpu, cuda, mps, gpu or auto")
    parser.add_argument(
        "--backend",
        type=Literal[BACKENDS] | None,
        default=None,
        help="what runs the networks on the processor; default torch, of an exported model onnxruntime",
    )
    add_foreign_options(parser)
    return parser


@lru_cache(maxsize=1)
def _loaded(
    model: Path | None,
    device: str,
    person: Path | None,
    method: str | None,
    backbone: str | None,
    backend: str | None,
) -> tuple[Detector, str]:
    """Return the detector that the command names, and what changes with its files."""
    import_foreign(Namespace(method=method, backbone=backbone))
    # What is wrong with the files is told by loading them.
    detector = load_detector(model, device, person, backend)
    return detector, _fingerprint(loading.model_file(model)[1], person)


def detector_of_command(
    fingerprint: str, model: Path | None, device: str, person: Path | None, *words: str | None
) -> Detector:
    """Return the detector that the command names, in any process.

    Args:
        fingerprint: That of its files when the command began.
        model: Its file.
        device: Where it runs.
        person: Whom it is fitted to.
        words: Foreign method, foreign backbone, backend.

    Raises:
        ValueError: If a process that was started later would take another model.
    """
    detector, found = _loaded(model, device, person, *words)
    if found != fingerprint:
        files = " or ".join(printable(path) for path in (model, person) if path is not None)
        raise ValueError(
            f"{files or 'the packaged detector'} was changed after this command began, and what is finished "
            "is of the earlier one: put that back and go on, or begin anew with another --out"
        )
    return detector


def run(arguments: Namespace) -> int:
    """Analyse the inputs; 1 if one could not be read, 2 if one is not there, 130 or 143 if ended."""
    use_one_thread()
    out = Path(arguments.out).expanduser()
    if arguments.shard is not None or arguments.files_per_part is not None:
        return _run_parts(arguments, out)
    if arguments.retries is not None:
        raise ValueError("--retries is about parts of many files; give --shard or --files_per_part with it")
    try:
        inputs = gather_inputs(arguments.inputs, out, frames=arguments.frames is not None)
    except InputError as error:
        print(f"metafacs predict: {error}", file=sys.stderr)
        return 2
    options = _options(arguments)
    beside = [what for what in ("events", "elan", "boris", "plot") if arguments[what]]
    _check_options(arguments, inputs, beside)
    beside += ["overlay"] if arguments.overlay else []
    overlays = arguments.overlay is not False
    plan = plan_outputs(inputs, out, arguments.format, beside=beside, overlays=overlays)
    get_detector, fingerprint = _detector(arguments)
    prediction = PredictionRun(
        inputs,
        plan,
        options,
        get_detector,
        fingerprint,
        workers=_workers(arguments, get_detector()),
        resume=arguments.resume,
        quiet=arguments.quiet,
    )
    prediction.check(out, overwrite=arguments.overwrite)
    with _terminating():
        return prediction.run()


def _run_parts(arguments: Namespace, out: Path) -> int:
    """Make parts of a table over very many files."""
    if arguments.format != "parquet":
        raise ValueError("--shard and --files_per_part write parts of a Parquet table: add --format parquet")
    one_by_one = [f"--{what}" for what in ("events", "elan", "boris", "plot", "overlay") if arguments[what]]
    if one_by_one:
        raise ValueError(
            f"{', '.join(one_by_one)} is about single videos and pictures: analyse those that you want to "
            "look at without --shard and --files_per_part"
        )
    if arguments.overwrite:
        raise ValueError("parts are written once: leave out --overwrite, and give another folder with --out")
    for name, lowest in (("files_per_part", 1), ("retries", 0)):
        if arguments[name] is not None and arguments[name] < lowest:
            raise ValueError(f"--{name} is {arguments[name]}; give {lowest} or more")
    share = ALL if arguments.shard is None else parse_share(arguments.shard)
    options = _options(arguments)
    get_detector, fingerprint = _detector(arguments)
    parts = PartsRun(
        arguments.inputs,
        out,
        options,
        get_detector,
        fingerprint,
        share,
        arguments.files_per_part,
        RETRIES if arguments.retries is None else arguments.retries,
        _workers(arguments, get_detector()),
        arguments.quiet,
    )
    try:
        with _terminating():
            return parts.run()
    except InputError as error:
        print(f"metafacs predict: {error}", file=sys.stderr)
        return 2


def _detector(arguments: Namespace) -> tuple[Callable[[], Detector], str]:
    """Return what gives the detector that the command names, and what changes with its files."""
    model, person = (path and path.expanduser() for path in (arguments.model, arguments.person))
    # Other processes are to use the same commit of the Hub, whatever is published meanwhile.
    model, _ = loading.model_file(model)
    # The files may have changed since this process read them last.
    _loaded.cache_clear()
    words = (model, arguments.device, person, arguments.method, arguments.backbone, arguments.backend)
    _, fingerprint = _loaded(*words)
    return partial(detector_of_command, fingerprint, *words), fingerprint


def _workers(arguments: Namespace, detector: Detector) -> int:
    """Return how many processes there are to be."""
    # Several processes on one accelerator would only wait for each other.
    return 1 if detector.device != "cpu" else worker_count(arguments.workers)


def _options(arguments: Namespace) -> Options:
    """Return what is asked of every input.

    Raises:
        ValueError: If a value makes no sense.
    """
    if arguments.frames is not None and not arguments.frames > 0:
        raise ValueError(f"--frames is {arguments.frames:g} frames per second; give a number above 0")
    start, end = (None if text is None else parse_time(text) for text in (arguments.start, arguments.end))
    neutral = None if arguments.neutral == "none" else arguments.neutral
    if neutral is not None:
        parse_neutral(neutral)
    return Options(
        form=arguments.format,
        selection=Selection(arguments.every, arguments.fps, start, end),
        frame_rate=arguments.frames,
        neutral=neutral,
    )


def _check_options(arguments: Namespace, inputs: Inputs, beside: Sequence[str]) -> None:
    """Raise a ValueError if options contradict each other or the inputs."""
    if arguments.resume and arguments.overwrite:
        raise ValueError("--resume keeps what is there and --overwrite replaces it: give one of them")
    about_videos = [f"--{what}" for what in beside]
    about_videos += [f"--{what}" for what in ("fps", "start", "end") if arguments[what] is not None]
    about_videos += ["--every"] if arguments.every != 1 else []
    about_videos += ["--neutral"] if arguments.neutral != "none" else []
    if about_videos and not inputs.of("video", "frames", "camera"):
        raise ValueError(f"{', '.join(about_videos)} is about videos, and there is none among the inputs")
    if arguments.overlay and inputs.of("camera"):
        raise ValueError(
            "a camera's pictures are not kept, so that nothing can be drawn: leave out --overlay"
        )


def _fingerprint(model: Path, person: Path | None) -> str:
    """Return what changes with the files that the detector is made of."""
    digest = hashlib.sha256(model.read_bytes())
    if person is not None:
        digest.update(person.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _terminating() -> Iterator[None]:
    """End at SIGTERM as at Ctrl-C, so that finished rows are safe and the way to go on is told."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
