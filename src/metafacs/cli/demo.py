"""Run the main job on a fresh machine: twins, three methods, held-out people, two photos, one report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from rich.table import Table

from metafacs.analysis.sample_weights import weigh_pictures
from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli.output import files_of, write_own
from metafacs.cli.own_files import as_json
from metafacs.cli.summary import describe
from metafacs.data.prepare import prepare_store, read_dataset
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.writer import Preset
from metafacs.evaluation.comparison import (
    ComparisonError,
    Run,
    finished_records,
    lost_runs,
    perform_runs,
    unfinished,
)
from metafacs.evaluation.seed_statistics import average_f1_spread, f1_spreads
from metafacs.executors.local import LocalExecutor
from metafacs.facs import au_name
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import gather_inputs
from metafacs.inference.loading import load_detector
from metafacs.inference.outputs import plan_outputs
from metafacs.inference.picture_predictions import predict_pictures
from metafacs.inference.predictions import Options, run_of
from metafacs.locks import claimed
from metafacs.methods.base import OptimizerSpec
from metafacs.parsing import check_number
from metafacs.progress import plain_console, progress_bar
from metafacs.reports.analysis import consistency_claims, ranked_pictures
from metafacs.reports.claims import Claim
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.page import render_page
from metafacs.reports.papers import PAPERS
from metafacs.reports.papers.claimed import LowWeightForAmbiguous
from metafacs.reports.pictures import Picture, PictureRow, embedded
from metafacs.reports.tables import f1_table
from metafacs.training.trainer import LARGEST_SEED, MODEL_FILE, TrainingPlan
from metafacs.training.training_data import BatchSizes

PAPER = PAPERS["mal"]
"""What is shown: its three methods and its claims."""

SIZE, CROP = 64, 72
"""Sides of the network's input and of the stored crops, in pixels: what a CPU learns from in minutes."""

SHORT: tuple[Preset, int] = ("demo", 500)
LONG: tuple[Preset, int] = ("small", 1000)
"""Size of the twins, and iterations per run."""

METHODS = ("mal", "multi_task", "single_task")
"""The longest first, so that no core waits for it at the end."""

# Those of configs/mal_bp4d_twin.yaml, which were chosen on validation people.
BATCH = BatchSizes(au=32, expression=32, validation=32)
AUGMENTATION = Augmentation(flip=0.5, brightness=8.0, contrast=0.1)
BASE = OptimizerSpec("adamw", lr=2e-3, weight_decay=1e-2, schedule="one_cycle")
META = OptimizerSpec("adam", lr=1e-3, weight_decay=0.0)
"""Adam, because the paper's plain step of .001 does not move the weights in a short run."""


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder; takes up a stopped demo")
    parser.add_argument(
        "--long",
        type=bool,
        default=False,
        help=f"more to learn from and for longer: twins of preset {LONG[0]} and {LONG[1]:,} iterations "
        f"instead of {SHORT[0]} and {SHORT[1]:,}",
    )
    parser.add_argument("--preset", type=Preset | None, default=None, help="size of the twins instead")
    parser.add_argument("--twin_seed", type=int, default=0, help="seed of the generator of faces")
    parser.add_argument("--fold", type=int, default=1, help="published fold of BP4D to hold out")
    parser.add_argument("--seeds", type=list[int], default=[0], help="seeds of training")
    parser.add_argument("--iterations", type=int | None, default=None, help="iterations per run instead")
    parser.add_argument("--workers", type=int | None, default=None, help="processes; default one per core")
    return parser


def run(arguments: Namespace) -> None:
    """Do every step; steps that are done already are not done again."""
    usual = LONG if arguments.long else SHORT
    preset = arguments.preset or usual[0]
    iterations = usual[1] if arguments.iterations is None else arguments.iterations
    # Before the minutes of rendering and training: what cannot be is told at once.
    TrainingPlan(iterations)
    if not arguments.seeds or len(set(arguments.seeds)) < len(arguments.seeds):
        raise ValueError(f"--seeds are different numbers, at least one, not {arguments.seeds}")
    for seed in arguments.seeds:
        check_number("seed", seed, 0, LARGEST_SEED)
    detector = load_detector()
    with claimed(arguments.out, "a demo"):
        _run(arguments, preset, iterations, detector)


def _run(arguments: Namespace, preset: Preset, iterations: int, detector: Detector) -> None:
    out: Path = arguments.out
    began = time.perf_counter()
    stores = {
        name: _store(name, out, preset, arguments.twin_seed, arguments.workers) for name in ("bp4d", "raf_db")
    }
    rendered = time.perf_counter() - began
    runs = [
        _plan(method, seed, stores, out, arguments.fold, iterations)
        for seed in arguments.seeds
        for method in METHODS
    ]
    _perform(runs, arguments.workers)
    comparison = Comparison(finished_records(runs))
    _print_scores(comparison)
    model = runs[0].folder / MODEL_FILE
    photos = _photos(detector, out)
    claims, rows = _weighted_expressions(model, stores["raf_db"])
    command = (
        f"metafacs demo --out {shlex.quote(out.as_posix())} --preset {preset} "
        f"--twin_seed {arguments.twin_seed} --fold {arguments.fold} "
        f"--seeds {str(arguments.seeds).replace(' ', '')} --iterations {iterations}"
    )
    content = compose_report(
        comparison,
        claims=claims,
        weight_rows=rows,
        photos=photos,
        faces=[_samples(stores["bp4d"], "BP4D twin"), _samples(stores["raf_db"], "RAF-DB twin")],
        commands=[command],
        facts=[
            ("Initial weights", "packaged, pre-trained on rendered faces without AUs or expressions"),
            ("Network", f"the small backbone on {SIZE} px crops, {iterations} iterations per method"),
            ("Detector of the photos", _told(detector)),
            ("Rendering and cropping", f"{rendered / 60:.1f} minutes in this run"),
        ],
    )
    files = {
        **files_of(f1_table(comparison)),
        "report.html": render_page(content).encode(),
        "results.json": as_json(_results(comparison, content.claims)),
    }
    write_own(files, out, "demo")
    print(f"results: {out / 'results.json'}\nreport:  {out / 'report.html'}")


def _store(name: str, out: Path, preset: Preset, seed: int, workers: int | None) -> Store:
    root = out / "data" / name
    render_twin(name, root, preset=preset, seed=seed, workers=workers)
    reading = read_dataset(name, root)
    print(reading)
    return prepare_store(reading, out / "stores" / name, size=CROP, workers=workers)


def _plan(method: str, seed: int, stores: Mapping[str, Store], out: Path, fold: int, iterations: int) -> Run:
    learned = method == "mal"
    # With a network this small the kept graph costs little memory and saves a forward pass.
    estimator = {"estimator": "tangent_reusing_graph"} if learned else {}
    arguments = {
        "method": method,
        "options": {"backbone": {"name": "small", "weights": "faces"}, **estimator},
        "action_units": stores["bp4d"].path,
        "expression": stores["raf_db"].path,
        "out": out / "models" / f"{method}-seed{seed}",
        "fold": fold,
        "seed": seed,
        "iterations": iterations,
        "optimizers": {"base": BASE, "meta": META} if learned else {"base": BASE},
        "batch": BATCH,
        "size": SIZE,
        "augmentation": AUGMENTATION,
    }
    settings = {"method": method, "fold": fold, "seed": seed, "iterations": iterations}
    return Run(method, fold, seed, settings, arguments, paper=PAPER.name)


def _perform(runs: Sequence[Run], workers: int | None) -> None:
    """Train and test what is missing, one run per core.

    Raises:
        ComparisonError: Naming what went wrong in the first run that failed.
    """
    todo = unfinished(runs)
    with progress_bar() as bar:
        task = bar.add_task("training and tests", total=len(runs), completed=len(runs) - len(todo))
        for outcome in perform_runs(todo, LocalExecutor(workers)):
            if outcome.error:
                raise ComparisonError(f"{outcome.run}: {outcome.error}")
            bar.advance(task)
            bar.console.print(f"{outcome.run}: done")
    for run, lost in lost_runs(runs):
        raise ComparisonError(f"{run}: {lost}; delete {run.folder} to train it again")


def _print_scores(comparison: Comparison) -> None:
    rows = comparison.rows
    title = "F1 x 100 on held-out people of the BP4D twin (synthetic faces), mean over seeds"
    table = Table("AU", "name", *rows, title=title)
    for au in comparison.aus:
        table.add_row(
            str(au), au_name(au), *(f"{100 * s[au].mean:.1f}" for s in map(f1_spreads, rows.values()))
        )
    table.add_section()
    table.add_row("", "average", *(f"{100 * average_f1_spread(runs).mean:.1f}" for runs in rows.values()))
    plain_console().print(table)


def _told(detector: Detector) -> str:
    """Return which detector it is and what it has seen."""
    seen = ", trained on rendered faces" if detector.synthetic else ""
    return f"the {detector.description['model']} of the package{seen}"


def _predict(detector: Detector, photos: Sequence[Path], out: Path) -> None:
    """Write table and overlays of photos, and print what they show."""
    inputs, options = gather_inputs([str(photo) for photo in photos], out), Options()
    plan = plan_outputs(inputs, out, options.form, overlays=True)
    assert plan.pictures is not None
    run = run_of(inputs.found, str(detector.description["model"]), detector.device, options)
    predict_pictures(
        lambda: detector,
        inputs.found,
        plan.pictures,
        run,
        options.form,
        report=lambda outcome: print(describe(photos[outcome.number], outcome.results, detector)),
    )


def _photos(detector: Detector, out: Path) -> list[Picture]:
    """Analyse the two public-domain photos that scikit-image and matplotlib ship."""
    # Both packages are heavy to import and needed only here.
    import matplotlib.cbook
    from PIL import Image
    from skimage import data as pictures

    folder = out / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pictures.astronaut()).save(folder / "astronaut.png")
    hopper = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    Image.open(hopper, formats=["JPEG"]).convert("RGB").save(folder / "grace_hopper.png")
    credits = {
        "astronaut": "Eileen Collins. NASA, public domain; shipped with scikit-image.",
        "grace_hopper": "Grace Hopper. US Navy, public domain; shipped with matplotlib.",
    }
    _predict(detector, [folder / f"{name}.png" for name in credits], folder)
    return [
        embedded(
            folder / f"{name}_overlay.png",
            alt=f"Action units found on the photo: {credit}",
            caption=f"{credit} Read by {_told(detector)}, not by the methods compared above.",
        )
        for name, credit in credits.items()
    ]


def _weighted_expressions(model: Path, store: Store) -> tuple[list[Claim], list[PictureRow]]:
    """Return what MAL's meta net thinks of the expression pictures it was trained with."""
    found = weigh_pictures(load_checkpoint(model).build(), store, SIZE)
    claims = [
        answer
        for claimed in PAPER.claims
        if isinstance(claimed, LowWeightForAmbiguous)
        for answer in consistency_claims(claimed, found, store)
    ]
    return claims, ranked_pictures(found, store)


def _samples(store: Store, title: str, count: int = 18) -> PictureRow:
    rows = np.linspace(0, len(store) - 1, count).astype(int)
    alt = f"Rendered face of the {title}"
    return PictureRow(title, tuple(embedded(store.image(int(row)), alt=alt) for row in rows))


def _results(comparison: Comparison, claims: Sequence[Claim]) -> dict[str, object]:
    """Return scores and answers as plain data."""
    methods = {
        name: {
            "f1_average": float(np.mean([run.f1_average for run in runs])),
            "f1_average_per_seed": [run.f1_average for run in runs],
            "f1": {au: float(np.mean([run.f1[au] for run in runs])) for au in comparison.aus},
            "seeds": [run.seed for run in runs],
            "seconds": {phase: sum(run.seconds[phase] for run in runs) for phase in ("train", "test")},
        }
        for name, runs in comparison.rows.items()
    }
    return {
        "synthetic": comparison.synthetic,
        "data": f"{comparison.records[0].data.name}, fold {comparison.records[0].data.fold}",
        "methods": methods,
        "claims": {claim.statement: {"answer": claim.answer, "detail": claim.detail} for claim in claims},
    }
