"""Small prepared stores made of noise with a learnable trace, so that nothing has to be rendered."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from skimage import data

from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.cli import main
from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.data.facts import BP4D
from metafacs.data.shards import shard_schema, write_rows
from metafacs.data.store import FORMAT, STORE_FILE, Store
from metafacs.data.twins import portraits
from metafacs.data.twins.carriers import CARRIERS
from metafacs.data.twins.compound_faces import Face
from metafacs.data.twins.rendering import render_twin
from metafacs.data.videos import encode_video
from metafacs.faces.alignment import AlignmentSpec
from metafacs.facs import EXPRESSIONS
from metafacs.files import write_json
from metafacs.inference import loading
from metafacs.methods import METHODS
from metafacs.methods.single_task import SingleTask
from metafacs.models import backbones
from metafacs.seals import sealed
from metafacs.synthesis.identities import Identity
from metafacs.synthesis.renderer import Subject

# The suite runs in one process per core; more threads than cores would wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)

AUS = (1, 4, 12)
PEOPLE = tuple(person for part in BP4D.published_parts for person in sorted(part)[:2])

SMALL = {"backbone": "small", "width": 4}
"""Options that make networks small, where a method has them."""


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """Eileen Collins, NASA, public domain: a smile, 512 x 512."""
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="session")
def face(astronaut: np.ndarray) -> Image.Image:
    """A face in a picture that is quickly looked through, 96 x 96."""
    return Image.fromarray(astronaut[:300, 70:370]).resize((96, 96))


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory, face: Image.Image) -> Path:
    """Half a second of a face that moves to the right: 10 frames, 20 per second, 128 x 96."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    pictures = []
    for i in range(10):
        picture = Image.new("RGB", (128, 96), "grey")
        picture.paste(face, (i, 0))
        pictures.append(np.array(picture))
    encode_video(path, pictures, 20)
    return path


def write_store(path: Path, rows: list[dict[str, object]], **description: object) -> Store:
    """Write rows of labels with painted pictures as a finished store."""
    schema = shard_schema(description["aus"], description["expressions"])  # type: ignore[arg-type]
    path.mkdir(parents=True)
    shard = write_rows(path / "shard-00000.arrow", rows, schema)
    content = {
        "pictures": len(rows),
        "skipped": [],
        "alignment": {"box_enlarge": 2.9, "border": 128},
        "labels_hash": "0" * 16,
        "synthetic": True,
        "twin": {"seed": 0, "synthetic": True},
        **description,
        "format": FORMAT,
        "shards": [asdict(shard)],
    }
    write_json(path / STORE_FILE, sealed(content))
    return Store(path)


def rows_of(store: Store) -> list[dict[str, object]]:
    """Return the rows of a store of one shard, for a copy that differs."""
    return pa.ipc.open_file(str(store.path / "shard-00000.arrow")).read_all().to_pylist()


def paint(rng: np.random.Generator, size: int, marks: np.ndarray) -> bytes:
    """Return a JPEG of noise in which mark j brightens the j-th horizontal band."""
    picture = rng.integers(60, 120, (size, size, 3))
    height = size // max(len(marks), 1)
    for j, on in enumerate(marks):
        picture[j * height : (j + 1) * height] += 90 * int(on)
    encoded = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(encoded, "JPEG", quality=95)
    return encoded.getvalue()


@pytest.fixture(scope="session")
def au_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Six people of BP4D, two of each fold part, 16 pictures each, AUs 1, 4 and 12, some unknown."""
    rng, places = np.random.default_rng(0), np.random.default_rng(4)
    rows: list[dict[str, object]] = []
    for person in PEOPLE:
        for frame in range(16):
            labels = (rng.random(len(AUS)) < 0.5).astype(np.float32)
            shown = paint(rng, 36, labels)
            labels[rng.random(len(AUS)) < 0.05] = np.nan
            rows.append(
                {
                    "key": f"{person}/T1/{frame:04d}",
                    "picture": f"{person}/T1/{frame:04d}.jpg",
                    "subject": person,
                    "part": "T1",
                    "image": shown,
                    "landmarks": places.random(136) * 36,
                    "action_units": labels,
                    "expression": -1,
                }
            )
    path = tmp_path_factory.mktemp("stores") / "bp4d"
    return write_store(path, rows, dataset="bp4d", aus=list(AUS), expressions=[], size=36)


@pytest.fixture(scope="session")
def disfa_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three people of DISFA, 14 pictures each, AUs 1, 4 and 9; nobody of BP4D shows AU 9."""
    rng = np.random.default_rng(3)
    rows: list[dict[str, object]] = []
    for person in ("SN001", "SN002", "SN003"):
        for frame in range(14):
            labels = (rng.random(3) < 0.5).astype(np.float32)
            rows.append(
                {
                    "key": f"{person}/{frame:04d}",
                    "picture": f"{person}/{frame:04d}.jpg",
                    "subject": person,
                    "image": paint(rng, 36, labels),
                    "action_units": labels,
                    "expression": -1,
                }
            )
    path = tmp_path_factory.mktemp("stores") / "disfa"
    return write_store(path, rows, dataset="disfa", aus=[1, 4, 9], expressions=[], size=36)


@pytest.fixture(scope="session")
def expression_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """56 pictures of seven expressions with votes; every fourth is a test picture."""
    rng = np.random.default_rng(1)
    rows: list[dict[str, object]] = []
    for number in range(56):
        kind = number % len(EXPRESSIONS)
        votes = np.full(len(EXPRESSIONS), 0.05)
        votes[kind] = 0.7
        rows.append(
            {
                "key": f"{number:05d}",
                "picture": f"{number:05d}_aligned.jpg",
                "part": "test" if number % 4 == 3 else "train",
                "image": paint(rng, 36, np.arange(len(EXPRESSIONS)) == kind),
                "expression": kind,
                "votes": votes,
                "landmarks": rng.random(136) * 36,
            }
        )
    path = tmp_path_factory.mktemp("stores") / "raf_db"
    return write_store(path, rows, dataset="raf_db", aus=[], expressions=list(EXPRESSIONS), size=36)


@pytest.fixture
def provenance(expression_store: Store, tmp_path: Path) -> Path:
    """What a twin tells of ``expression_store``: each seven pictures another carrier, each four a person."""
    lines = [
        f"{key}.jpg,P{number // 4:05d},{CARRIERS[number // 7 % len(CARRIERS)]}"
        for number, key in enumerate(expression_store.keys)
    ]
    path = tmp_path / "twin" / "twin_provenance.csv"
    path.parent.mkdir()
    write_json(path.parent / "TWIN.json", expression_store.description["twin"])
    path.write_text("\n".join(["name,subject,carrier", *lines]) + "\n")
    return path


@pytest.fixture
def licensed_copy(tmp_path: Path) -> Callable[[Store], Store]:
    """Return a function that copies a store as one of the data set itself."""

    def copied(store: Store) -> Store:
        known = {name: store.description[name] for name in ("dataset", "aus", "expressions", "size")}
        return write_store(tmp_path / "licensed", rows_of(store), **known, synthetic=False, twin=None)

    return copied


@pytest.fixture(scope="session")
def compound_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Forty pictures of two compound expressions: AU12 always with the first, AU4 always with the second.

    Nobody is known by name; the first 24 are for training, then 8 for validation and 8 for test.
    """
    rng = np.random.default_rng(2)
    rows: list[dict[str, object]] = []
    for number in range(40):
        kind = number % 2
        labels = np.array([0.0, float(kind), 1.0 - kind], np.float32)
        shown = paint(rng, 36, labels)
        part = "train" if number < 24 else "validation" if number < 32 else "test"
        row = {"key": f"{number:04d}", "part": part, "image": shown}
        rows.append({**row, "action_units": labels, "expression": kind})
    path = tmp_path_factory.mktemp("stores") / "raf_ce"
    names = list(COMPOUND_EXPRESSIONS[:2])
    return write_store(path, rows, dataset="raf_ce", aus=list(AUS), expressions=names, size=36)


@pytest.fixture(scope="session")
def parted_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """48 pictures of four people with both labels, in parts of its own: two train, one each else."""
    rng = np.random.default_rng(3)
    parts = {"001A": "train", "001B": "train", "002A": "validation", "002B": "test"}
    rows: list[dict[str, object]] = []
    for number in range(48):
        person = list(parts)[number % 4]
        labels = (rng.random(len(AUS)) < 0.5).astype(np.float32)
        shown = paint(rng, 36, labels)
        row = {"key": f"{number:04d}", "subject": person, "part": parts[person], "image": shown}
        rows.append({**row, "action_units": labels, "expression": int(labels[0])})
    path = tmp_path_factory.mktemp("stores") / "parted"
    names = list(COMPOUND_EXPRESSIONS[:2])
    return write_store(path, rows, dataset="raf_ce", aus=list(AUS), expressions=names, size=36)


@pytest.fixture(scope="session")
def wild_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Thirty-six pictures of EmotioNet with landmarks and AUs 1, 4 and 12; nobody is known by name."""
    rng = np.random.default_rng(5)
    rows: list[dict[str, object]] = []
    for number in range(36):
        labels = (rng.random(len(AUS)) < 0.5).astype(np.float32)
        rows.append(
            {
                "key": f"{number:04d}",
                "part": ("train", "validation", "test")[number % 3],
                "image": paint(rng, 36, labels),
                "landmarks": rng.random(136) * 36,
                "action_units": labels,
                "expression": -1,
            }
        )
    path = tmp_path_factory.mktemp("stores") / "emotionet"
    return write_store(path, rows, dataset="emotionet", aus=list(AUS), expressions=[], size=36)


@pytest.fixture(scope="session")
def expression_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of ``single_task_expression``, the kind that L2T-ww transfers from."""
    torch.manual_seed(3)
    options: dict[str, object] = {"backbone": "small"}
    method = METHODS["single_task_expression"].build((), EXPRESSIONS, options)
    path = tmp_path_factory.mktemp("models") / "expressions.safetensors"
    description = Description(Framing(64, 64, AlignmentSpec()), synthetic=True, seed=3)
    state = method.state_dict()
    save_checkpoint(path, Checkpoint("single_task_expression", options, (), EXPRESSIONS, state, description))
    return path


@pytest.fixture
def packaged_model() -> Path:
    """The detector in the package."""
    return loading.PACKAGED_MODEL


@pytest.fixture(scope="session")
def untrained_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of AUs 1, 4 and 12 that nobody trained; AU4 is experimental."""
    torch.manual_seed(4)
    weights = SingleTask(AUS, backbone=backbones.SMALL).state_dict()
    known = Description(Framing(32, 36, AlignmentSpec()), synthetic=True).with_more(experimental=[4])
    path = tmp_path_factory.mktemp("models") / "untrained.safetensors"
    save_checkpoint(path, Checkpoint("single_task", {"backbone": "small"}, AUS, (), weights, known))
    return path


@pytest.fixture
def predict(untrained_model: Path) -> Callable[..., int]:
    """Return a function that runs 'metafacs predict' in this process and returns its exit code."""

    def run(*words: object) -> int:
        more = ["--model", str(untrained_model), "--workers", "1"]
        return main(["predict", *map(str, words), *more])

    return run


@pytest.fixture
def stand_in_model(untrained_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The untrained detector in the place of the one in the package."""
    monkeypatch.setattr(loading, "PACKAGED_MODEL", untrained_model)
    return untrained_model


@pytest.fixture(scope="session")
def small_options(expression_model: Path) -> Callable[[str], dict[str, object]]:
    """Return a function that gives the options that make a method small, and those it cannot do without."""
    needed = {"l2t_ww": {"teacher": str(expression_model), "teacher_backbone": "small", "matching_steps": 1}}

    def options(method: str) -> dict[str, object]:
        known = inspect.signature(METHODS[method]).parameters
        return {**{name: SMALL[name] for name in SMALL if name in known}, **needed.get(method, {})}

    return options


@pytest.fixture
def write_text(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a text file below the test's folder."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
        return path

    return write


@pytest.fixture(scope="session")
def bp4d_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny twin of BP4D: six people, eight tasks, two frames each."""
    root = tmp_path_factory.mktemp("twins") / "bp4d"
    render_twin("bp4d", root, preset="tiny", seed=0, workers=1, progress=False)
    return root


@pytest.fixture(scope="session")
def disfa_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny twin of DISFA: six people, twelve frames each."""
    root = tmp_path_factory.mktemp("twins") / "disfa"
    render_twin("disfa", root, preset="tiny", seed=0, workers=1, progress=False)
    return root


@pytest.fixture(scope="session")
def gft_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny twin of GFT: two groups of three, twelve frames each."""
    root = tmp_path_factory.mktemp("twins") / "gft"
    render_twin("gft", root, preset="tiny", seed=0, workers=1, progress=False)
    return root


@pytest.fixture(scope="session")
def raf_db_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny twin of RAF-DB: 60 training and 24 test pictures."""
    root = tmp_path_factory.mktemp("twins") / "raf_db"
    render_twin("raf_db", root, preset="tiny", seed=0, workers=1, progress=False)
    return root


@pytest.fixture(scope="session")
def raf_twins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny twins of RAF-ML, RAF-AU and RAF-CE by name: 69, 65 and 60 pictures, each rendered once."""
    folder = tmp_path_factory.mktemp("raf_twins")
    names = ("raf_ml", "raf_au", "raf_ce")
    people: dict[object, object] = {}
    taken: dict[str, portraits.Portrait] = {}
    make_subject, take_portrait = portraits.Subject, portraits.take_portrait

    def known_subject(identity: Identity) -> object:
        key = (identity.pool, identity.seed)
        return people.get(key) or people.setdefault(key, make_subject(identity))

    def known_portrait(subject: Subject, face: Face, album: portraits.Album) -> portraits.Portrait:
        return taken.get(face.name) or taken.setdefault(face.name, take_portrait(subject, face, album))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portraits, "Subject", known_subject)
        patch.setattr(portraits, "take_portrait", known_portrait)
        for name in names:
            render_twin(name, folder / name, preset="tiny", seed=0, workers=1, progress=False)
    return {name: folder / name for name in names}


@pytest.fixture(scope="session")
def pretraining_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny set of faces to pre-train on: 20 people, two of them held out, three pictures each."""
    root = tmp_path_factory.mktemp("twins") / "pretraining_faces"
    render_twin("pretraining_faces", root, preset="tiny", seed=0, workers=1, progress=False)
    return root


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny set of people to learn action units from: 20, four of them held out, three pictures each."""
    root = tmp_path_factory.mktemp("twins") / "people"
    render_twin("people", root, preset="tiny", seed=0, workers=1, progress=False)
    return root
