"""What ``import metafacs`` offers: lazily, documented, and without what it does not need."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import metafacs

HEAVY = ("lightning_fabric", "matplotlib", "captum", "torchmetrics", "torchvision", "pandas", "scipy")


def imported_by(statement: str) -> set[str]:
    """Return which modules a fresh interpreter holds after a statement."""
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("name", metafacs.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    thing = getattr(metafacs, name)
    assert inspect.getdoc(thing)
    assert thing.__name__ == name
    assert thing.__module__ == metafacs._PLACES[name]
    assert name in dir(metafacs)


def test_public_names_are_listed_once_in_order() -> None:
    assert sorted(metafacs.__all__, key=lambda name: (name[0].islower(), name)) == metafacs.__all__
    assert set(metafacs._PLACES) == set(metafacs.__all__)


def test_an_unknown_name_is_refused_with_the_public_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'detector'; public are .*Detector"):
        metafacs.detector  # noqa: B018 (it is the access that fails)


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not imported_by("import metafacs") & {"torch", "numpy", *HEAVY}


def test_prediction_imports_no_training() -> None:
    everything = (
        "import pkgutil, importlib, metafacs.inference as room\n"
        "for module in pkgutil.iter_modules(room.__path__, 'metafacs.inference.'):\n"
        "    importlib.import_module(module.name)"
    )
    names = "from metafacs import load_detector, Detector, FaceResult"
    for statement in (names, everything, "import metafacs.cli.predict"):
        found = imported_by(statement)
        assert not found & set(HEAVY)
        assert not {name for name in found if name.startswith(("metafacs.training", "metafacs.evaluation"))}
