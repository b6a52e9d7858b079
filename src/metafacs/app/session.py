"""Everything of one run of the server: files, models, people, the queue of jobs, and who listens."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from metafacs.app.formats import kind_of
from metafacs.app.jobs import JobQueue
from metafacs.app.listeners import Listeners
from metafacs.app.records import PACKAGED, Analysis, Choice, FittedPerson, Job, Json, Model, StoredFile
from metafacs.app.worker import TaskError, Worker, WorkerDiedError
from metafacs.data.videos import VIDEO_SUFFIXES
from metafacs.faces.pictures import SUFFIXES
from metafacs.texts import shown
from metafacs.version import __version__

MOST_FILES = 2000
_SWEEP_EVERY, _MOST_SWEPT = 10.0, 500


class NotFoundError(LookupError):
    """Something that is not there, or no more; the message says what."""


class ConflictError(ValueError):
    """Something that cannot be done now; the message says why."""


class Session:
    """Holds the state.

    Args:
        folder: Private; everything lies below it.
        analyst: Does the jobs.
        desk: Does what must not wait for a job: tables, curves, pictures.
        watcher: Reads the camera; its process lives no longer than that takes.
        loader: Looks once what the models are that nobody has chosen yet.
        models: That can be chosen, the detector in the package first.
        upload_limit: Bytes of the largest file.
        shared: Whether people on other machines may come in.

    Attributes:
        files: Id -> file, in the order in which they came.
        people: Id -> person that a model was fitted to.
        listeners: Hear of every change.
        queue: The jobs.
        ready: Whether the models are loaded.
        camera: Held by the page that has the camera.
    """

    def __init__(
        self,
        folder: Path,
        analyst: Worker,
        desk: Worker,
        watcher: Worker,
        loader: Worker,
        models: Sequence[Model],
        *,
        upload_limit: int,
        shared: bool = False,
    ) -> None:
        self.folder = folder
        self.analyst, self.desk, self.watcher = analyst, desk, watcher
        self._loader = loader
        self.models = {model.id: model for model in models}
        self.upload_limit, self.shared = upload_limit, shared
        self.files: dict[str, StoredFile] = {}
        self.people: dict[str, FittedPerson] = {}
        self.ready = False
        self.camera = asyncio.Lock()
        self._started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._removed: deque[Path] = deque(maxlen=_MOST_SWEPT)
        self.listeners = Listeners()
        first = self.models[PACKAGED].path
        again = ("get_ready", {"model": first and str(first)})
        self.queue = JobQueue(analyst, self.listeners, self._watch, again)

    def to_json(self) -> Json:
        """Return everything as plain data."""
        return {
            "version": __version__,
            "started": self._started,
            "shared": self.shared,
            "ready": self.ready,
            "upload_limit": self.upload_limit,
            "picture_suffixes": list(SUFFIXES),
            "video_suffixes": list(VIDEO_SUFFIXES),
            "models": [model.to_json() for model in self.models.values()],
            "people": [person.to_json() for person in self.people.values()],
            "files": [file.to_json() for file in self.files.values()],
            "jobs": self.queue.to_json(),
        }

    def file(self, file_id: str) -> StoredFile:
        """Return a file.

        Raises:
            NotFoundError: If it is not there.
        """
        if file_id not in self.files:
            raise NotFoundError("this file is not there any more; add it again")
        return self.files[file_id]

    def add_file(self, name: str, folder: Path, path: Path, size: int, choice: Choice) -> StoredFile:
        """Take a file in that was uploaded, and queue its analysis."""
        kind, _, media_type = kind_of(name)
        file = StoredFile(folder.name, name, kind, folder, path, size, media_type, choice=choice)
        self.files[file.id] = file
        self.analyse(file)
        return file

    def new_folder(self) -> Path:
        """Make the folder of a new file; its name is the file's id.

        Raises:
            ConflictError: If there are too many files.
        """
        if len(self.files) >= MOST_FILES:
            raise ConflictError(f"{MOST_FILES} files are here, which is the most; remove some first")
        folder = self.folder / secrets.token_urlsafe(9)
        folder.mkdir(mode=0o700)
        return folder

    async def remove_file(self, file: StoredFile) -> None:
        """Cancel what is done with a file and remove everything of it."""
        self.files.pop(file.id, None)
        for job in list(self.queue.jobs.values()):
            if job.file == file.id:
                self.queue.cancel(job)
        self._removed.append(file.folder)
        await asyncio.to_thread(shutil.rmtree, file.folder, True)
        self.listeners.tell("removed", {"file": file.id})

    async def sweep(self) -> None:
        """Remove, for ever, what was still being written when its file was removed."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            for folder in list(self._removed):
                await asyncio.to_thread(shutil.rmtree, folder, True)

    def check_choice(self, choice: Choice) -> None:
        """Refuse a choice of model, person and rate that makes no sense.

        Raises:
            ValueError: Saying what to choose.
        """
        model = self.models.get(choice.model)
        if model is None:
            raise ValueError(
                f"there is no model {shown(choice.model)!r}; choose one of {', '.join(self.models)}"
            )
        if choice.person is not None:
            person = self.people.get(choice.person)
            if person is None or person.model != choice.model:
                raise ValueError("this person is not there, or was fitted to another model; choose another")
        elif model.about.get("few_shot"):
            raise ValueError(f"{model.name} is a few-shot learner: fit it to a person first")
        if choice.fps is not None and not 0 < choice.fps <= 1000:
            raise ValueError("give a number of frames per second above 0, or none for all frames")

    def paths_of(self, choice: Choice) -> Json:
        """Return the files of a model and a person, as tasks are given them."""
        model = self.models[choice.model].path
        person = None if choice.person is None else self.people[choice.person].path
        return {"model": model and str(model), "person": person and str(person)}

    def analyse(self, file: StoredFile) -> Job:
        """Queue an analysis of a file as its settings say; an older one is forgotten.

        Where other frames are taken, people may get other numbers: their names and who is hidden go.

        Raises:
            ConflictError: If one is under way, or the file was a camera's.
        """
        if file.path is None:
            raise ConflictError("a camera's pictures are not kept, so that they cannot be analysed again")
        before = file.analysis
        if before is not None and before.state in ("waiting", "running"):
            raise ConflictError(f"{file.name} is being analysed; wait for it or cancel it")
        number = 1 if before is None else before.id + 1
        folder = file.folder / f"analysis-{number}"
        arguments = {
            "path": str(file.path),
            "name": file.name,
            "kind": file.kind,
            "folder": str(folder),
            "fps": file.choice.fps,
            **self.paths_of(file.choice),
        }
        job = self.queue.add("analyse", file.id, "analyse", arguments)
        if before is not None and before.choice.fps != file.choice.fps:
            file.view = replace(file.view, names={}, hidden=())
        file.analysis = Analysis(number, file.choice, folder, job=job.id)
        self._forget_exports(file)
        if before is not None:
            shutil.rmtree(before.folder, ignore_errors=True)
        self.listeners.tell("file", file.to_json())
        return job

    def settings_changed(self, file: StoredFile) -> None:
        """Tell of new settings; what was drawn with the old ones goes."""
        self._forget_exports(file)
        self.listeners.tell("file", file.to_json())

    def _watch(self, job: Job, told: Json) -> None:
        """Take over what became of a job, or what its task told."""
        if job.kind == "personalise":
            if job.state == "done":
                self._add_person(job, told)
            return
        file = self.files.get(job.file or "")
        if file is None:
            return
        analysis = file.analysis
        if job.kind == "annotate":
            file.overlay = job.state
        elif analysis is not None and analysis.job == job.id:
            analysis.state, analysis.error = job.state, job.error
            analysis.frames_done, analysis.frames_expected = job.done, job.total
            analysis.people = told.get("people", analysis.people)
            analysis.model = told.get("model", analysis.model)
            file.about |= told.get("about", {})
        self.listeners.tell("file", file.to_json())

    def _add_person(self, job: Job, told: Json) -> None:
        given = job.arguments
        person_id, path = f"p{len(self.people) + 1}", Path(given["out"])
        person = FittedPerson(person_id, given["person_name"], given["model_id"], path, told)
        self.people[person.id] = person
        job.person = person.id
        self.listeners.tell("person", person.to_json())

    def _forget_exports(self, file: StoredFile) -> None:
        """Remove what was made of a file, and end what is still drawing it as it was to look before."""
        for job in list(self.queue.jobs.values()):
            if job.file == file.id and job.kind == "annotate":
                self.queue.cancel(job)
        file.overlay = None
        shutil.rmtree(file.folder / "exports", ignore_errors=True)

    async def get_ready(self) -> None:
        """Load the model of the package where the jobs are done, then look what the others are."""
        first = self.models[PACKAGED]
        await self._describe(first, self.analyst, "get_ready")
        self.ready = True
        self._tell_ready()
        for model in self.models.values():
            if model is not first:
                await self._describe(model, self._loader, "describe_model")
                self._tell_ready()
        # Each was loaded for that; with the process they are gone.
        await self._loader.close()

    async def _describe(self, model: Model, worker: Worker, task: str) -> None:
        try:
            model.about = await worker.call(task, {"model": model.path and str(model.path)})
        except TaskError as error:
            model.problem = str(error)
        except WorkerDiedError:
            model.problem = "the process that loaded it ended; there may be too little memory"

    def _tell_ready(self) -> None:
        self.listeners.tell(
            "ready", {"ready": True, "models": [model.to_json() for model in self.models.values()]}
        )
