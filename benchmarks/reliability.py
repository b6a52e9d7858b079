"""Attacks metafacs with damaged and hostile input, kills and power cuts, and counts what becomes of it.

Small twins, stores, models and tables are made by the commands themselves. Then each attack damages one of
them, or ends a command at a bad moment, and looks at what the program does: whether it refuses in a sentence
that names the file, gives the result of the undamaged input, or fails in a way that must not be. The same
seed gives the same attacks, but for the moments of kills.

Example:
    python benchmarks/reliability.py
    python benchmarks/reliability.py --kinds models persons --trials 500 --seed 1 --out failing
    python benchmarks/reliability.py --only "models 17" --work ground
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

# One thread each: lanes are many, and a process with threads cannot be copied.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
from attacks.ground import Ground
from attacks.kinds import KINDS, Kind
from attacks.lanes import Trial, run_trials
from attacks.verdicts import FAULTS, VERDICTS, Finding

Counts = Mapping[str, Counter[str]]


def plan(kinds: Mapping[str, Kind], trials: int) -> list[Trial]:
    """Return the attacks of each kind, by its share, in turn so that a short run sees all of them.

    Args:
        kinds: Kinds by name.
        trials: How many in all; at least one of each kind is done.
    """
    whole = sum(kind.share for kind in kinds.values())
    counts = {name: max(1, round(trials * kind.share / whole)) for name, kind in kinds.items()}
    order = [
        ((number + 0.5) / count, name, number) for name, count in counts.items() for number in range(count)
    ]
    return [Trial(name, number) for _, name, number in sorted(order)]


def table(counts: Counts) -> str:
    """Return the counts as a Markdown table, a row for each kind and one for all."""
    columns = ("tried", *VERDICTS)
    widths = [5, *(max(5, len(verdict)) for verdict in VERDICTS)]
    first = max(len(name) for name in [*counts, "all"])
    lines = [
        "| "
        + " | ".join(["kind".ljust(first), *(c.rjust(w) for c, w in zip(columns, widths, strict=True))])
        + " |",
        "|" + "|".join(["-" * (first + 2), *("-" * (w + 1) + ":" for w in widths)]) + "|",
    ]
    everything: Counter[str] = Counter()
    for found in counts.values():
        everything += found
    for name, found in [*counts.items(), ("all", everything)]:
        numbers = [sum(found.values()), *(found[verdict] for verdict in VERDICTS)]
        cells = [name.ljust(first), *(f"{n}".rjust(w) for n, w in zip(numbers, widths, strict=True))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def campaign(
    ground: Ground,
    kinds: Mapping[str, Kind],
    trials: Sequence[Trial],
    *,
    seed: int,
    lanes: int,
    keep: Path | None,
    loud: bool = False,
) -> tuple[Counts, list[tuple[Trial, Finding]]]:
    """Do attacks; return what became of them by kind, and the faults."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    faults: list[tuple[Trial, Finding]] = []
    seconds: Counter[str] = Counter()
    for name in kinds:
        counts[name] = Counter()
    for done, (trial, found, took) in enumerate(
        run_trials(ground, dict(kinds), trials, seed=seed, lanes=lanes, keep=keep), start=1
    ):
        counts[trial.kind][found.verdict] += 1
        seconds[trial.kind] += took  # type: ignore[assignment]
        if found.is_fault:
            faults.append((trial, found))
        if found.is_fault or loud:
            print(f"{found.verdict}: {trial.kind} {trial.number}: {found.attack}: {found.detail}", flush=True)
        if done % 100 == 0:
            print(f"{done} of {len(trials)}", file=sys.stderr, flush=True)
    slow = ", ".join(
        f"{name} {took / max(1, counts[name].total()):.2f}" for name, took in seconds.most_common()
    )
    print(f"seconds per attack: {slow}", file=sys.stderr)
    return counts, faults


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000, help="attacks in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--kinds", nargs="+", choices=list(KINDS), metavar="KIND", help=f"of {', '.join(KINDS)}"
    )
    parser.add_argument("--only", help="one attack, as the list of faults names it: 'models 17'")
    parser.add_argument("--lanes", type=int, default=len(os.sched_getaffinity(0)), help="attacks at a time")
    parser.add_argument("--out", type=Path, help="folder to keep what failing attacks leave")
    parser.add_argument("--work", type=Path, help="folder for what is attacked, to be used again")
    options = parser.parse_args(argv)
    kinds = {name: KINDS[name] for name in options.kinds or KINDS}
    trials = plan(kinds, options.trials)
    if options.only:
        name, _, number = options.only.rpartition(" ")
        kinds, trials = {name: KINDS[name]}, [Trial(name, int(number))]
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="reliability-") as temporary:
        ground = Ground(options.work or Path(temporary))
        counts, faults = campaign(
            ground,
            kinds,
            trials,
            seed=options.seed,
            lanes=options.lanes,
            keep=options.out,
            loud=bool(options.only),
        )
        shutil.rmtree(ground.trials, ignore_errors=True)
    print(table(counts))
    seconds = time.perf_counter() - began
    print(f"seed {options.seed}, {seconds:.0f} s, {len(faults)} faults ({', '.join(FAULTS)})")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
