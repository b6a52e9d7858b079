"""Run the main job on a fresh machine: twins, three methods, held-out people, two photos, one report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table

from metafacs.analysis.sample_weights import weigh_pictures
from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli.evaluate import write_table
from metafacs.cli.predict import predict_photos
from metafacs.data.datasets import READERS
from metafacs.data.prepare import prepare_store
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.data.twins.rendering import render_twin
from metafacs.evaluation.protocols import evaluate
from metafacs.evaluation.records import Record, write_record
from metafacs.evaluation.statistics import average_f1_spread, f1_spreads
from metafacs.facs import au_name
from metafacs.files import write_json
from metafacs.inference.loading import load_detector
from metafacs.methods import METHODS
from metafacs.methods.base import OptimizerSpec
from metafacs.reports.analysis import consistency_claims, ranked_pictures
from metafacs.reports.claims import Claim
from metafacs.reports.composition import compose_report
from metafacs.reports.page import write_page
from metafacs.reports.pictures import Picture, PictureRow, embedded
from metafacs.reports.tables import by_method, f1_table
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes

SIZE, CROP = 64, 72
"""Sides of the network's input and of the stored crops, in pixels: what a CPU learns from in minutes."""

ITERATIONS = 1000
BATCH = BatchSizes(au=32, expression=32, validation=32)
AUGMENTATION = Augmentation(flip=0.5, brightness=8.0, contrast=0.1)
BASE = OptimizerSpec("adamw", lr=2e-3, weight_decay=1e-2, schedule="one_cycle")
META = OptimizerSpec("adam", lr=1e-4, momentum=0.0, weight_decay=0.0)
"""Adam, because the paper's plain step of .001 does not move the weights in a short run. At .003 the weights
collapsed onto few pictures and the AU training loss stalled."""


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder; takes up a stopped demo")
    parser.add_argument(
        "--preset", type=Literal["tiny", "small", "full"], default="small", help="size of the twins"
    )
    parser.add_argument("--twin_seed", type=int, default=0, help="seed of the generator of faces")
    parser.add_argument("--fold", type=int, default=1, help="published fold of BP4D to hold out")
    parser.add_argument("--seeds", type=list[int], default=[0], help="seeds of training")
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="iterations per run")
    parser.add_argument(
        "--workers", type=int | None, default=None, help="processes for rendering and cropping"
    )
    return parser


def run(arguments: Namespace) -> None:
    """Do every step; steps that are done already are not done again."""
    out: Path = arguments.out
    began = time.perf_counter()
    stores = {
        name: _store(name, out, arguments.preset, arguments.twin_seed, arguments.workers)
        for name in ("bp4d", "raf_db")
    }
    rendered = time.perf_counter() - began
    records: list[Record] = []
    models: dict[str, Path] = {}
    for seed in arguments.seeds:
        for method in ("single_task", "multi_task", "mal"):
            model = _train(method, stores, out, arguments.fold, seed, arguments.iterations)
            record = evaluate(model, stores["bp4d"].path)
            write_record(record, out / "records" / f"{method}-seed{seed}.json")
            records.append(record)
            models.setdefault(method, model)
    _print_scores(records)
    for suffix in (".md", ".csv"):
        write_table(f1_table(records), out / f"f1{suffix}")
    photos = _photos(models["mal"], out)
    claims, rows = _weighted_expressions(models["mal"], stores["raf_db"])
    command = (
        f"metafacs demo --out {out.as_posix()} --preset {arguments.preset} --twin_seed {arguments.twin_seed} "
        f"--fold {arguments.fold} --seeds {str(arguments.seeds).replace(' ', '')} "
        f"--iterations {arguments.iterations}"
    )
    content = compose_report(
        records,
        claims=claims,
        weight_rows=rows,
        photos=photos,
        faces=[_samples(stores["bp4d"], "BP4D twin"), _samples(stores["raf_db"], "RAF-DB twin")],
        commands=[command],
        facts=[
            ("Initial weights", "random; no network was pre-trained"),
            (
                "Network",
                f"the small backbone on {SIZE} px crops, {arguments.iterations} iterations per method",
            ),
            ("Rendering and cropping", f"{rendered / 60:.1f} minutes in this run"),
        ],
    )
    write_page(content, out / "report.html")
    _write_results(out / "results.json", records, content.claims)
    print(f"results: {out / 'results.json'}\nreport:  {out / 'report.html'}")


def _store(
    name: str, out: Path, preset: Literal["tiny", "small", "full"], seed: int, workers: int | None
) -> Store:
    root = out / "data" / name
    render_twin(name, root, preset=preset, seed=seed, workers=workers)
    reading = READERS[name](root)
    print(reading)
    return prepare_store(reading, out / "stores" / name, size=CROP, workers=workers)


def _train(method: str, stores: dict[str, Store], out: Path, fold: int, seed: int, iterations: int) -> Path:
    learned = method == "mal"
    return train(
        method,
        # With a network this small the kept graph costs little memory and saves a forward pass.
        options={"backbone": "small", **({"estimator": "tangent_reusing_graph"} if learned else {})},
        action_units=stores["bp4d"].path,
        expression=stores["raf_db"].path,
        out=out / "models" / f"{method}-seed{seed}",
        fold=fold,
        iterations=iterations,
        batch=BATCH,
        size=SIZE,
        augmentation=AUGMENTATION,
        optimizers={"base": BASE, "meta": META} if learned else {"base": BASE},
        seed=seed,
    )


def _print_scores(records: Sequence[Record]) -> None:
    groups = by_method(records)
    title = "F1 x 100 on held-out people of the BP4D twin (synthetic faces), mean over seeds"
    table = Table("AU", "name", *groups, title=title)
    for au in records[0].aus:
        table.add_row(
            str(au), au_name(au), *(f"{100 * s[au].mean:.1f}" for s in map(f1_spreads, groups.values()))
        )
    table.add_section()
    table.add_row("", "average", *(f"{100 * average_f1_spread(runs).mean:.1f}" for runs in groups.values()))
    Console().print(table)


def _photos(model: Path, out: Path) -> list[Picture]:
    """Analyse the two public-domain photos that scikit-image and matplotlib ship."""
    # Both packages are heavy to import and needed only here.
    import matplotlib.cbook
    from PIL import Image
    from skimage import data as pictures

    folder = out / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pictures.astronaut()).save(folder / "astronaut.png")
    hopper = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    Image.open(hopper).convert("RGB").save(folder / "grace_hopper.png")
    credits = {
        "astronaut": "Eileen Collins. NASA, public domain; shipped with scikit-image.",
        "grace_hopper": "Grace Hopper. US Navy, public domain; shipped with matplotlib.",
    }
    predict_photos(load_detector(model), [folder / f"{name}.png" for name in credits], folder)
    return [
        embedded(
            folder / f"{name}_overlay.png", alt=f"Action units found on the photo: {credit}", caption=credit
        )
        for name, credit in credits.items()
    ]


def _weighted_expressions(model: Path, store: Store) -> tuple[list[Claim], list[PictureRow]]:
    """Return what MAL's meta net thinks of the expression pictures it was trained with."""
    found = weigh_pictures(load_checkpoint(model).build(), store, SIZE)
    return consistency_claims(found, store), ranked_pictures(found, store)


def _samples(store: Store, title: str, count: int = 18) -> PictureRow:
    rows = np.linspace(0, len(store) - 1, count).astype(int)
    alt = f"Rendered face of the {title}"
    return PictureRow(title, tuple(embedded(store.image(int(row)), alt=alt) for row in rows))


def _write_results(path: Path, records: Sequence[Record], claims: Sequence[Claim]) -> None:
    methods: dict[str, object] = {}
    for name in METHODS:
        runs = [record for record in records if record.method == name]
        if runs:
            methods[name] = {
                "f1_average": float(np.mean([run.f1_average for run in runs])),
                "f1_average_per_seed": [run.f1_average for run in runs],
                "f1": {au: float(np.mean([run.f1[au] for run in runs])) for au in runs[0].aus},
                "seeds": [run.seed for run in runs],
                "seconds": {
                    "train": sum(r.seconds["train"] for r in runs),
                    "test": sum(r.seconds["test"] for r in runs),
                },
            }
    content = {
        "synthetic": any(record.data.synthetic for record in records),
        "data": f"{records[0].data.name}, fold {records[0].data.fold}",
        "methods": methods,
        "claims": {claim.statement: {"answer": claim.answer, "detail": claim.detail} for claim in claims},
    }
    write_json(path, content)
