"""Methods, backbones and readers of one's own: found by name, imported only where a user named them."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

ThingT = TypeVar("ThingT")


class PluginError(ValueError):
    """A name stands for nothing that can be used; the message says why and what to type."""


@dataclass(frozen=True)
class Registry(Generic[ThingT]):
    """What the package offers under short names, open to what others write.

    A name is one of the table, ``module:Name`` of an importable module, or that of an installed entry point.

    Attributes:
        what: What the things are called in messages, e.g. ``method``.
        group: Entry points of other packages, e.g. ``metafacs.methods``.
        table: Short name -> the package's own.
        usable: What is wrong with a thing that does not fit, as the end of a sentence; None if it fits.
        flag: How a user names one on the command line, e.g. ``--method``.
    """

    what: str
    group: str
    table: Mapping[str, ThingT]
    usable: Callable[[object], str | None]
    flag: str

    def find(self, name: str, *, named: bool = True) -> ThingT:
        """Return what a name stands for.

        Args:
            name: As above.
            named: Whether a user gave the name. One that only a file gives may be of the table, of an
                installed entry point, or of a module that is imported already: reading a file imports
                nothing that its reader has not asked for.

        Raises:
            PluginError: If there is no such thing, it cannot be imported, or it does not fit.
        """
        if not isinstance(name, str):  # what a file gives may be anything
            raise PluginError(f"a {self.what} is named by a text, not by {name!r}")
        if name in self.table:
            return self.table[name]
        if (offered := self._offered(name)) is not None:
            return self._checked(name, _loaded(self.what, name, offered))
        if ":" not in name:
            raise PluginError(
                f"unknown {self.what} '{name}'; choose one of {', '.join(self.table)}, or name one of your "
                "own as module:Name"
            )
        module, _, inner = name.partition(":")
        if named:
            return self._checked(name, _member(self.what, name, _imported(self.what, name, module), inner))
        if module in sys.modules:
            return self._checked(name, _member(self.what, name, sys.modules[module], inner))
        raise PluginError(
            f"the {self.what} {name} is not part of metafacs, and what only a file names is not imported: if "
            f"you trust it, add {self.flag} {name} to the command, or in Python import {module} before"
        )

    def name_of(self, thing: ThingT) -> str:
        """Return the name that finds a thing again: its short one, else ``module:Name``.

        >>> Registry("class", "", {"text": str}, lambda _: None, "").name_of(Registry)  # doctest: +ELLIPSIS
        'metafacs.plugins:Registry'
        """
        for name, own in self.table.items():
            if own is thing:
                return name
        return f"{thing.__module__}:{thing.__qualname__}"  # type: ignore[attr-defined]

    def knows(self, name: str) -> bool:
        """Return whether a word can be a name here, without importing anything."""
        return isinstance(name, str) and (
            name in self.table or ":" in name or self._offered(name) is not None
        )

    @property
    def installed(self) -> dict[str, str]:
        """Name -> ``module:Name`` of what other installed packages offer."""
        return {entry.name: entry.value for entry in entry_points(group=self.group)}

    def _offered(self, name: str) -> EntryPoint | None:
        """Return the installed entry point of this name, or of this ``module:Name``."""
        return next((e for e in entry_points(group=self.group) if name in (e.name, e.value)), None)

    def _checked(self, name: str, thing: object) -> ThingT:
        wrong = self.usable(thing)
        if wrong is not None:
            raise PluginError(f"{name} is no {self.what}: {wrong}")
        return thing  # type: ignore[return-value]


def _loaded(what: str, name: str, offered: EntryPoint) -> object:
    """Import what another installed package offers."""
    try:
        return offered.load()
    except (Exception, SystemExit) as error:
        package = offered.dist.name if offered.dist else offered.value
        raise PluginError(
            f"the {what} {name} of the installed package {package} cannot be imported: "
            f"{type(error).__name__}: {error}; update or remove that package"
        ) from error


def _imported(what: str, name: str, module: str) -> object:
    """Import a module that a user named; one in the current folder is found, too."""
    here = os.getcwd()
    if not {"", here} & set(sys.path):
        # The console script's own folder stands in for it there.
        sys.path.append(here)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise PluginError(
                f"the {what} {name} is not found: there is no module {error.name}, neither installed nor in "
                "the current folder"
            ) from error
        raise PluginError(f"the {what} {name} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"the {what} {name} cannot be imported: {type(error).__name__}: {error}") from error


def _member(what: str, name: str, module: object, inner: str) -> object:
    # By the module's own dictionary: a lazy attribute could import something.
    found: object = module
    for part in inner.split("."):
        members = getattr(found, "__dict__", {})
        if part not in members:
            raise PluginError(f"the {what} {name} is not found: {name.partition(':')[0]} has no {inner}")
        found = members[part]
    return found
