"""Time the renderer on one core: laboratory and wild pictures per second, and the set-up of a person.

    python benchmarks/render.py [--pictures 60] [--subjects 12]

Rates are in CPU seconds of this process, background and camera included; compiling is reported on its own.
The prototype that this renderer replaces made 18 laboratory and 12 wild pictures of 112 px per second, 5.8
and 4.2 of 224 px, and took .215 s per person. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.camera import LAB, WILD, photograph
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import lab_scene, sample_studio, wild_scene

PROTOTYPE = {"lab_112": 18.0, "wild_112": 12.0, "lab_224": 5.8, "wild_224": 4.2}
SIZES = (112, 192, 224)
DISPLAYS: tuple[dict[int, float], ...] = (
    {},
    {12: 0.8, 6: 0.6},
    {1: 0.7, 2: 0.8, 5: 0.6, 26: 0.9},
    {4: 0.9, 7: 0.5, 23: 0.8},
    {15: 0.7, 17: 0.6},
)


def seconds(action: Callable[[], object]) -> float:
    """Return the CPU seconds an action takes."""
    start = time.process_time()
    action()
    return time.process_time() - start


def main() -> None:
    """Measure, print a table and end with one JSON line."""
    parser = argparse.ArgumentParser(description="Time the face renderer on one core.")
    parser.add_argument("--pictures", type=int, default=60, help="pictures per setting")
    parser.add_argument("--subjects", type=int, default=12, help="people to set up")
    arguments = parser.parse_args()

    def picture(subject: Subject, kind: str, size: int, number: int) -> object:
        rng = np.random.default_rng([number, size])
        display = Activation(DISPLAYS[number % len(DISPLAYS)])
        if kind == "lab":
            scene = lab_scene(rng, size, sample_studio(np.random.default_rng(number % 4)))
            return photograph(subject, display, scene, LAB, rng)
        return photograph(subject, display, wild_scene(rng, size), WILD, rng)

    first = Subject(sample_identity(0, pool="benchmark"))
    results: dict[str, float] = {
        "first_picture_seconds": sum(
            seconds(partial(picture, first, kind, 112, 0)) for kind in ("lab", "wild")
        )
    }
    subjects: list[Subject] = []

    def set_up(seed: int) -> None:
        subject = Subject(sample_identity(seed, pool="benchmark"))
        assert subject.resting_wrinkles.shape == (512, 512)
        subjects.append(subject)

    results["subject_seconds"] = (
        sum(seconds(partial(set_up, k)) for k in range(1, arguments.subjects + 1)) / arguments.subjects
    )
    for size in SIZES:
        for kind in ("lab", "wild"):
            taken = [
                seconds(partial(picture, subjects[k % len(subjects)], kind, size, k))
                for k in range(arguments.pictures)
            ]
            results[f"{kind}_{size}"] = len(taken) / sum(taken)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results["peak_memory_megabytes"] = peak / (1024**2 if sys.platform == "darwin" else 1024)

    print(f"first pictures (compiling unless cached): {results['first_picture_seconds']:.1f} s")
    print(f"set-up of a person: {results['subject_seconds'] * 1000:.0f} ms (prototype 215 ms)")
    for size in SIZES:
        for kind in ("lab", "wild"):
            rate, before = results[f"{kind}_{size}"], PROTOTYPE.get(f"{kind}_{size}")
            gain = f" ({rate / before:.1f} x the prototype)" if before else ""
            print(f"{kind:>4} {size} px: {rate:6.1f} pictures/s per core{gain}")
    print(f"peak memory: {results['peak_memory_megabytes']:.0f} MB")
    print(json.dumps({"benchmark": "render", **{name: round(value, 4) for name, value in results.items()}}))


if __name__ == "__main__":
    main()
