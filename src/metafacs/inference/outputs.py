"""Which files results are written to, and the rules that keep everything else safe."""

from __future__ import annotations

import glob
import json
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from metafacs.files import digest_of_file
from metafacs.inference.inputs import Input, Inputs
from metafacs.inference.journal import read_journal
from metafacs.inference.naming import distinct_stems
from metafacs.inference.sidecars import read_sidecar, sidecar_path
from metafacs.inference.writers import SUFFIXES
from metafacs.texts import printable

PICTURES = "faces"
"""Name of the table of all pictures."""

BESIDE: dict[str, tuple[str, ...]] = {
    "overlay": ("_overlay.mp4",),
    "events": ("_events.csv",),
    "elan": (".eaf",),
    "boris": ("_boris.csv",),
    "plot": ("_plot.png", "_plot.svg"),
}
"""What may be written beside the table of a video -> how the names of its files end."""

_COARSE = 2.0
"""Seconds to which the coarsest file systems know when a file was written."""

Run = Mapping[str, object]
"""What tells one run from another, plain data: input, model, options, version."""


WRITING = ("format", "neutral")
"""Parts of a run that say how finished rows are written: a journal goes for all of them."""


class OutputError(ValueError):
    """Results that would take the place of something else; the message names it and the ways out."""


@dataclass(frozen=True)
class Destination:
    """The files of one table.

    Attributes:
        table: The table.
        beside: What is written beside it -> its files; of pictures ``overlay`` -> one for each, in order.
    """

    table: Path
    beside: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """What a finished run leaves: the table, its sidecar, and what is beside them."""
        beside = (path for paths in self.beside.values() for path in paths)
        return [self.table, sidecar_path(self.table), *beside]

    @property
    def journal(self) -> Path:
        """Where finished rows lie until the table is written."""
        return self.table.with_name(self.table.name + ".unfinished")

    @property
    def plots(self) -> list[Path]:
        """Plots that are there: with several people, every one has a file."""
        found = []
        for plot in self.beside.get("plot", ()):
            of_person = re.compile(re.escape(plot.stem) + r"(_person\d+)?" + re.escape(plot.suffix))
            names = sorted(path.name for path in plot.parent.glob(f"*{plot.suffix}"))
            found += [plot.with_name(name) for name in names if of_person.fullmatch(name)]
        return found

    @property
    def present(self) -> list[Path]:
        """Those of the files that are there."""
        return [path for path in dict.fromkeys([*self.files, *self.plots]) if os.path.lexists(path)]

    def listed(self, paths: Iterable[Path]) -> list[str]:
        """Return files as the sidecar lists them, relative to the table's folder."""
        return [Path(os.path.relpath(path, self.table.parent)).as_posix() for path in paths]

    def described(self, run: Run) -> dict[str, object]:
        """Return what the sidecar says of the run and its files, those that it wrote before among them.

        Everything but the sidecar must be there: it gets the digests.
        """
        known = read_sidecar(self.table)
        beside = set(self.beside)
        outputs = set(self.listed({*self.present, sidecar_path(self.table)}))
        if known.get("run") == _plain(run):
            beside |= set(_strings(known.get("beside")))
            outputs |= {
                name for name in _strings(known.get("outputs")) if (self.table.parent / name).is_file()
            }
        digests = {
            name: digest_of_file(path)
            for name in sorted(outputs)
            if (path := self.table.parent / name) != sidecar_path(self.table) and path.is_file()
        }
        return {
            "run": dict(run),
            "beside": sorted(beside),
            "outputs": sorted(outputs),
            "digests": digests,
        }

    def clear(self, run: Run) -> None:
        """Remove what would be taken for results of the run that is about to be written.

        That is what killed runs left of its files, plots, of which there may be fewer now, and what another
        run, whose table is replaced, wrote beside it; what somebody has changed since stays.
        """
        self.clear_leftovers()
        for path in self.plots:
            path.unlink(missing_ok=True)
        known = read_sidecar(self.table)
        if known.get("run") == _plain(run):
            return
        for name in _strings(known.get("outputs")):
            path = self.table.parent / name
            if ".." in path.parts or path in self.files or not path.is_file():
                continue
            if path.stat().st_mtime_ns <= sidecar_path(self.table).stat().st_mtime_ns:
                path.unlink()

    def clear_leftovers(self) -> None:
        """Remove what killed runs left of these files, half-written."""
        patterns = [(path.parent, glob.escape(path.name)) for path in self.files]
        patterns += [
            (plot.parent, f"{glob.escape(plot.stem)}_person*{plot.suffix}")
            for plot in self.beside.get("plot", ())
        ]
        for folder, name in patterns:
            for left in folder.glob(f".{name}.*.partial"):
                left.unlink(missing_ok=True)

    def changed(self) -> list[Path]:
        """Return files that are not as the run left them, whose sidecar was written last."""
        try:
            ended = sidecar_path(self.table).stat().st_mtime
        except OSError:
            return []
        known = read_sidecar(self.table).get("digests")
        digests = known if isinstance(known, dict) else {}

        def is_changed(path: Path) -> bool:
            digest = digests.get(self.listed([path])[0])
            # Earlier versions wrote no digests.
            if digest is None or not path.is_file():
                return path.stat().st_mtime > ended + _COARSE
            return bool(digest_of_file(path) != digest)

        return [path for path in self.present if is_changed(path)]

    def is_finished(self, run: Run) -> bool:
        """Return whether everything that is asked for is there, and is of this run."""
        known = read_sidecar(self.table)
        folder = self.table.parent
        return (
            known.get("run") == _plain(run)
            and set(self.beside) <= set(_strings(known.get("beside")))
            and all((folder / name).is_file() for name in _strings(known.get("outputs")))
        )


@dataclass(frozen=True)
class Plan:
    """The files of a command.

    Attributes:
        pictures: Those of all pictures; None if there is none.
        videos: Those of every video, folder of frames or camera, in the order of the inputs.
    """

    pictures: Destination | None
    videos: tuple[Destination, ...]

    @property
    def destinations(self) -> list[Destination]:
        """All of them."""
        return [*([] if self.pictures is None else [self.pictures]), *self.videos]


def plan_outputs(
    inputs: Inputs, out: Path, form: str, *, beside: Collection[str] = (), overlays: bool = False
) -> Plan:
    """Return where the results of every input go; all pictures share a table, every video has its own.

    Names follow the inputs', and files of folders lie as they do there; :func:`distinct_stems` tells how
    names are kept apart.

    Args:
        inputs: What is analysed.
        out: Folder of the results.
        form: Convention of the tables, a name in ``WRITERS``.
        beside: What is written beside the tables of videos, keys of :data:`BESIDE`.
        overlays: Draw the results onto every picture.

    Raises:
        NamingError: If two inputs would have the same name whatever is done.
    """
    pictures, videos = inputs.of("picture"), inputs.of("video", "frames", "camera")

    def overlay_of(stem: Path) -> Path:
        return out / stem.with_name(f"{stem.name}_overlay.png")

    def destination_of(stem: Path) -> Destination:
        named = {
            what: tuple(out / stem.with_name(stem.name + ending) for ending in BESIDE[what])
            for what in beside
        }
        return Destination(out / stem.with_name(stem.name + SUFFIXES[form]), named)

    def files_of(found: Input, stem: Path) -> Sequence[Path]:
        if found.kind == "picture":
            return [overlay_of(stem)] if overlays else []
        destination = destination_of(stem)
        return [*destination.files, destination.journal]

    all_pictures = Destination(out / f"{PICTURES}{SUFFIXES[form]}")
    taken = [*all_pictures.files, all_pictures.journal] if pictures else []
    stems = distinct_stems([*pictures, *videos], files_of, taken)
    if overlays:
        drawn = tuple(overlay_of(stem) for stem in stems[: len(pictures)])
        all_pictures = Destination(all_pictures.table, {"overlay": drawn})
    return Plan(
        all_pictures if pictures else None,
        tuple(destination_of(stem) for stem in stems[len(pictures) :]),
    )


def check_outputs(
    inputs: Inputs,
    plan: Plan,
    runs: Sequence[Run],
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
) -> None:
    """Refuse, before anything is done, to write over an input or over what is not of the same run.

    Args:
        inputs: What is analysed.
        plan: Where to.
        runs: What every destination of the plan is of.
        out: Folder of the results.
        resume: Runs that were ended are gone on with.
        overwrite: Whatever is there may go, inputs never.

    Raises:
        OutputError: Naming the first file in the way, and the ways out.
    """
    check_folder(out)
    _check_folders_of_inputs(inputs, plan, out)
    sources = {os.path.realpath(found.path): found for found in inputs.found if found.kind != "camera"}
    for destination in plan.destinations:
        for path in [*destination.files, destination.journal]:
            if (found := sources.get(os.path.realpath(path))) is not None:
                raise OutputError(
                    f"{found.name} is one of the inputs, and the results of another one would be written "
                    "over it; give another folder with --out"
                )
            if path.is_dir():
                raise OutputError(
                    f"{printable(path)} is a folder, and a file is to be written there; give "
                    "another folder with --out"
                )
    if overwrite:
        return
    # What a camera saw does not come again.
    repeatable = not inputs.of("camera")
    for destination, run in zip(plan.destinations, runs, strict=True):
        _check_destination(destination, run, resume, repeatable or (resume and destination.is_finished(run)))


def check_folder(out: Path) -> None:
    """Make the folder of the results, and see whether it can be written to.

    Raises:
        OutputError: If it cannot.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Without a name, or removed at once: nothing stays whatever happens.
        with tempfile.TemporaryFile(dir=out):
            pass
    except FileExistsError:
        raise OutputError(f"{printable(out)} is a file; give the name of a folder with --out") from None
    except NotADirectoryError:
        raise OutputError(f"{printable(out)} lies below a file; give another folder with --out") from None
    except OSError as error:
        raise OutputError(
            f"{printable(out)} cannot be written to ({error.strerror}); give another folder with --out"
        ) from error


def _check_folders_of_inputs(inputs: Inputs, plan: Plan, out: Path) -> None:
    """Raise an OutputError if pictures or videos would be written where the next run looks for inputs."""
    drawn = any(
        kind in destination.beside for destination in plan.destinations for kind in ("overlay", "plot")
    )
    for folder in inputs.folders:
        if drawn and os.path.realpath(folder) == os.path.realpath(out):
            raise OutputError(
                f"{printable(out)} holds the inputs: what is drawn would lie among them, and be read with "
                "them the next time; give another folder with --out"
            )


def _check_destination(destination: Destination, run: Run, resume: bool, repeatable: bool) -> None:
    ways = "give another folder with --out, or let them go with --overwrite"
    allowed: set[str] = set()
    known = read_sidecar(destination.table)
    if repeatable and known.get("run") == _plain(run):
        allowed |= set(_strings(known.get("outputs")))
    if destination.journal.exists():
        if not resume:
            raise OutputError(
                f"{printable(destination.journal)} holds the finished rows of a run that was ended: go on "
                f"with --resume, {ways}"
            )
        theirs, ours = _run_of(destination.journal), _plain(analysis_of(run))
        if theirs and theirs != ours:
            raise OutputError(
                f"{printable(destination.journal)} is of another run ({_differences(theirs, ours)}): give "
                f"the same inputs and options, {ways}"
            )
        # What this run had written when it ended.
        allowed |= set(destination.listed(destination.present))
    if not destination.journal.exists():
        sidecar = sidecar_path(destination.table)
        if os.path.lexists(sidecar) and not known:
            raise OutputError(f"{printable(sidecar)} is damaged or was edited: {ways}")
        if changed := destination.changed():
            raise OutputError(f"{printable(changed[0])} was changed after it was written: {ways}")
    for path in destination.present:
        if not set(destination.listed([path])) <= allowed:
            of = (
                "was written with another input, model or option"
                if known and repeatable
                else "is not of this run"
            )
            raise OutputError(f"{printable(path)} is there already and {of}: {ways}")


def _run_of(journal: Path) -> dict[str, object]:
    try:
        return read_journal(journal)[0]
    except ValueError:
        return {}


def analysis_of(run: Run) -> Run:
    """Return what tells a journal from others: the run without :data:`WRITING`."""
    return {name: value for name, value in run.items() if name not in WRITING}


def _differences(theirs: Mapping[str, object], ours: Mapping[str, object]) -> str:
    names = [name for name in sorted({*theirs, *ours}) if theirs.get(name) != ours.get(name)]
    return "; ".join(f"{name} was {theirs.get(name)!r} and is {ours.get(name)!r}" for name in names)


def _plain(run: Run) -> dict[str, object]:
    """Return a run as it is read from a file."""
    plain: dict[str, object] = json.loads(json.dumps(dict(run)))
    return plain


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
