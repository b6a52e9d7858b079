"""Readers: one data set's layout per file, nothing else, and how a reader is found by its name."""

from __future__ import annotations

from collections.abc import Callable

from metafacs.data.datasets.bp4d import read_bp4d
from metafacs.data.datasets.disfa import read_disfa
from metafacs.data.datasets.emotionet import read_emotionet
from metafacs.data.datasets.gft import read_gft
from metafacs.data.datasets.list_files import read_list_files
from metafacs.data.datasets.people import read_people
from metafacs.data.datasets.pictures import read_pictures
from metafacs.data.datasets.pretraining_faces import read_pretraining_faces
from metafacs.data.datasets.raf_au import read_raf_au
from metafacs.data.datasets.raf_ce import read_raf_ce
from metafacs.data.datasets.raf_db import read_raf_db
from metafacs.data.datasets.raf_db_compound import read_raf_db_compound
from metafacs.data.datasets.raf_ml import read_raf_ml
from metafacs.data.datasets.reading import Reading
from metafacs.plugins import Registry

READERS: dict[str, Callable[..., Reading]] = {
    "bp4d": read_bp4d,
    "raf_db": read_raf_db,
    "raf_db_compound": read_raf_db_compound,
    "raf_ml": read_raf_ml,
    "raf_au": read_raf_au,
    "raf_ce": read_raf_ce,
    "disfa": read_disfa,
    "gft": read_gft,
    "emotionet": read_emotionet,
    "list_files": read_list_files,
    "pretraining_faces": read_pretraining_faces,
    "people": read_people,
    "pictures": read_pictures,
}
"""Name -> reader: the root folder first, then the reader's own options by keyword.

Every data set reads with its root alone; ``list_files``, which stands for no data set, needs ``aus`` too.
"""

_READERS: Registry[Callable[..., Reading]] = Registry(
    "reader",
    "metafacs.readers",
    READERS,
    lambda found: None if callable(found) else "give a function that takes the root and returns a Reading",
    "--reader",
)


def find_reader(name: str) -> Callable[..., Reading]:
    """Return the reader of a data set that a user names.

    Args:
        name: Name in ``READERS``, ``module:function`` of one of your own, or an entry point of the group
            ``metafacs.readers``.

    Raises:
        PluginError: If there is none.
    """
    return _READERS.find(name)
