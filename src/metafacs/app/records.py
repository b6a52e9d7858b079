"""What the server knows of files, analyses, jobs and models, as the page is told it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["picture", "video", "camera"]
JobKind = Literal["analyse", "annotate", "personalise"]
State = Literal["waiting", "running", "done", "failed", "cancelled"]
Json = dict[str, Any]

PACKAGED = "packaged"
"""Id of the detector that comes with the package."""


Stamp = tuple[int, int]
"""What a file is known by while the page is open: its size in bytes and its time of change in nanoseconds."""


def stamp_of(path: Path | str) -> Stamp:
    """Return the stamp of a file; (-1, 0) if it cannot be reached."""
    try:
        status = os.stat(path)
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns


@dataclass
class Model:
    """A model that faces can be read with.

    Attributes:
        id: As the page calls it.
        name: For people.
        path: Its file; None for the detector in the package.
        about: What its file says, see :func:`metafacs.app.models.describe_model`; empty until it was read.
        problem: Why it cannot be used; None if it can, or nobody knows yet.
    """

    id: str
    name: str
    path: Path | None = None
    about: Json = field(default_factory=dict)
    problem: str | None = None

    def to_json(self) -> Json:
        """Return it as plain data."""
        unknown = {"aus": [], "au_names": {}, "thresholds": {}, "experimental": [], "few_shot": False}
        unknown |= {"synthetic": False, "intensities": False, "pose": False}
        return {"id": self.id, "name": self.name, **unknown, **self.about, "problem": self.problem}


@dataclass
class FittedPerson:
    """A model fitted to one person on the page.

    Attributes:
        id: As the page calls it.
        name: That the user gave.
        model: Id of the model it was fitted to.
        path: The person's file.
        about: AUs, outcomes and notes of the fit.
    """

    id: str
    name: str
    model: str
    path: Path
    about: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return it as plain data."""
        return {"id": self.id, "name": self.name, "model": self.model, **self.about}


@dataclass(frozen=True)
class Choice:
    """What a file is analysed with.

    Attributes:
        model: Id of the model.
        person: Id of the person it was fitted to; None for nobody.
        fps: Frames per second that are taken of a video; None for all.
    """

    model: str = PACKAGED
    person: str | None = None
    fps: float | None = None


@dataclass(frozen=True)
class View:
    """How finished results are shown and written.

    Attributes:
        aus: Which AUs, by FACS number; None for all of the model.
        smoothing: Seconds of the moving median under events and curves.
        neutral: Frames that show people at rest: ``auto`` or ranges; None to leave rest out of account.
        names: Person -> name.
        hidden: People who are left out.
    """

    aus: tuple[int, ...] | None = None
    smoothing: float = 0.1
    neutral: str | None = None
    names: dict[int, str] = field(default_factory=dict)
    hidden: tuple[int, ...] = ()

    def to_json(self) -> Json:
        """Return it as plain data."""
        return {
            "aus": None if self.aus is None else list(self.aus),
            "smoothing": self.smoothing,
            "neutral": self.neutral,
            "names": {str(person): name for person, name in sorted(self.names.items())},
            "hidden": list(self.hidden),
        }


@dataclass
class Analysis:
    """One pass of a model over a file.

    Attributes:
        id: Counts up with every analysis of the file.
        choice: What it is made with.
        folder: Where its rows lie.
        state: How far it is.
        job: Id of the job that makes it.
        model: The model as it was when the pass began.
        frames_done: Frames that are finished.
        frames_expected: How many there will be; None if nobody knows.
        people: Who has been seen so far.
        error: Why it failed.
    """

    id: int
    choice: Choice
    folder: Path
    state: State = "waiting"
    job: str | None = None
    model: Json = field(default_factory=dict)
    frames_done: int = 0
    frames_expected: int | None = None
    people: list[int] = field(default_factory=list)
    error: str | None = None

    def to_json(self) -> Json:
        """Return it as plain data."""
        unknown: Json = {"aus": [], "thresholds": {}, "experimental": []}
        unknown |= {"synthetic": False, "intensities": False, "pose": False}
        return {
            **unknown,
            **self.model,
            "id": self.id,
            "state": self.state,
            "model": self.choice.model,
            "person": self.choice.person,
            "fps": self.choice.fps,
            "frames_done": self.frames_done,
            "frames_expected": self.frames_expected,
            "people": self.people,
            "error": self.error,
            "job": self.job,
        }


@dataclass
class StoredFile:
    """A file of the user's, or what a camera showed.

    Attributes:
        id: As the page calls it, and the name of its folder.
        name: As the user calls it; never part of a path.
        kind: What it is.
        folder: Everything of it.
        path: The file itself; None for a camera.
        size: In bytes.
        media_type: For the browser.
        about: Width, height, frames, rate, seconds and notes, as far as they are known.
        choice: What it will be analysed with next.
        view: How results are shown and written.
        analysis: The last pass over it.
        overlay: How far its annotated video is; None if nobody asked for one.
    """

    id: str
    name: str
    kind: Kind
    folder: Path
    path: Path | None
    size: int = 0
    media_type: str = "application/octet-stream"
    about: Json = field(default_factory=dict)
    choice: Choice = field(default_factory=Choice)
    view: View = field(default_factory=View)
    analysis: Analysis | None = None
    overlay: State | None = None

    def to_json(self) -> Json:
        """Return it as plain data."""
        unknown: Json = dict.fromkeys(("width", "height", "frames", "rate", "seconds"))
        choice = {"model": self.choice.model, "person": self.choice.person, "fps": self.choice.fps}
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "size": self.size,
            "media_type": self.media_type,
            **unknown,
            "notes": [],
            **self.about,
            "settings": choice | self.view.to_json(),
            "analysis": None if self.analysis is None else self.analysis.to_json(),
            "overlay": self.overlay,
        }


@dataclass
class Job:
    """Something that the analysing process is to do.

    Attributes:
        id: As the page calls it.
        kind: What it is.
        file: Id of the file; None where it is about several.
        task: Name of the task, see :mod:`metafacs.app.tasks`.
        arguments: Of the task.
        state: How far it is.
        done: Frames that are finished.
        total: How many there are; None if nobody knows.
        error: Why it failed.
        person: Id of the person that was fitted.
    """

    id: str
    kind: JobKind
    file: str | None
    task: str
    arguments: Json
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    error: str | None = None
    person: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    def to_json(self, position: int = 0) -> Json:
        """Return it as plain data, with its place in the queue."""
        return {
            "id": self.id,
            "kind": self.kind,
            "file": self.file,
            "state": self.state,
            "position": position,
            "done": self.done,
            "total": self.total,
            "error": self.error,
            "person": self.person,
        }
