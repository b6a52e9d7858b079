"""Everything of one run of the server: files, models, people, the queue of jobs, and who listens."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from metafacs.app.formats import kind_of
from metafacs.app.records import PACKAGED, Analysis, Choice, FittedPerson, Job, Json, Model, StoredFile
from metafacs.app.worker import TaskError, Worker, WorkerDiedError
from metafacs.data.videos import VIDEO_SUFFIXES
from metafacs.faces.pictures import SUFFIXES
from metafacs.version import __version__

MOST_FILES = 2000
MOST_LISTENERS = 32
_MOST_EVENTS = 1000
_JOBS_KEPT = 200
"""Finished jobs that are remembered."""


class NotFoundError(LookupError):
    """Something that is not there, or no more; the message says what."""


class ConflictError(ValueError):
    """Something that cannot be done now; the message says why."""


class Session:
    """Holds the state and does the jobs, one after the other.

    Args:
        folder: Private; everything lies below it.
        analyst: Does the jobs.
        desk: Does what must not wait for a job: tables, curves, pictures, the camera.
        models: That can be chosen, the detector in the package first.
        upload_limit: Bytes of the largest file.
        shared: Whether people on other machines may come in.
    """

    def __init__(
        self,
        folder: Path,
        analyst: Worker,
        desk: Worker,
        models: Sequence[Model],
        *,
        upload_limit: int,
        shared: bool = False,
    ) -> None:
        self.folder, self.analyst, self.desk = folder, analyst, desk
        self.models = {model.id: model for model in models}
        self.upload_limit, self.shared = upload_limit, shared
        self.files: dict[str, StoredFile] = {}
        self.jobs: dict[str, Job] = {}
        self.people: dict[str, FittedPerson] = {}
        self.ready = False
        self.camera = asyncio.Lock()
        self._started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._waiting: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._listeners: set[asyncio.Queue[tuple[str, Json]]] = set()
        self._count = 0
        self._warm: asyncio.Task[None] | None = None

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
            "jobs": self.jobs_to_json(),
        }

    def jobs_to_json(self) -> list[Json]:
        """Return the jobs with their places in the queue."""
        return [job.to_json(self._position(job)) for job in self.jobs.values()]

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

    def remove_file(self, file: StoredFile) -> None:
        """Cancel what is done with a file and remove everything of it."""
        for job in list(self.jobs.values()):
            if job.file == file.id and not job.is_over:
                self.cancel(job)
        self.files.pop(file.id, None)
        shutil.rmtree(file.folder, ignore_errors=True)
        self.tell("removed", {"file": file.id})

    def check_choice(self, choice: Choice) -> None:
        """Refuse a choice of model, person and rate that makes no sense.

        Raises:
            ValueError: Saying what to choose.
        """
        model = self.models.get(choice.model)
        if model is None:
            raise ValueError(f"there is no model {choice.model!r}; choose one of {', '.join(self.models)}")
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
        job = self.add_job("analyse", file.id, "analyse", arguments)
        file.analysis, file.overlay = Analysis(number, file.choice, folder, job=job.id), None
        self._forget_exports(file)
        if before is not None:
            shutil.rmtree(before.folder, ignore_errors=True)
        self.tell("file", file.to_json())
        return job

    def add_job(self, kind: str, file_id: str | None, task: str, arguments: Json) -> Job:
        """Put a job at the end of the queue."""
        self._count += 1
        job = Job(f"j{self._count}", kind, file_id, task, arguments)  # type: ignore[arg-type]
        self.jobs[job.id] = job
        for old in [each.id for each in self.jobs.values() if each.is_over][:-_JOBS_KEPT]:
            del self.jobs[old]
        self._waiting.append(job)
        self._wake.set()
        self.tell_job(job)
        return job

    def cancel(self, job: Job) -> None:
        """End a job: one that waits is not begun, of one that runs the process is ended."""
        if job.is_over:
            return
        running = job.state == "running"
        job.state = "cancelled"
        if running:
            self.analyst.kill()
        elif job in self._waiting:
            self._waiting.remove(job)
        self._mark(job, job.state)
        self.tell_job(job)
        for other in self._waiting:
            self.tell_job(other)

    def settings_changed(self, file: StoredFile) -> None:
        """Tell of new settings; what was drawn with the old ones goes."""
        self._forget_exports(file)
        if file.overlay == "done":
            file.overlay = None
        self.tell("file", file.to_json())

    async def run_jobs(self) -> None:
        """Do the jobs as they come, for ever."""
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            job = self._waiting.popleft()
            job.state = "running"
            self._mark(job, "running")
            self.tell_job(job)
            for other in self._waiting:
                self.tell_job(other)
            await self._run(job)

    async def _run(self, job: Job) -> None:
        def progress(told: Json) -> None:
            if job.state == "running":
                self._note(job, told)
                self.tell_job(job)

        error: str | None = None
        result: Json = {}
        try:
            result = await self.analyst.call(job.task, job.arguments, progress=progress)
        except TaskError as failed:
            error = str(failed)
        except WorkerDiedError:
            self._warm = asyncio.create_task(self._warm_up())
            file = self.files.get(job.file or "")
            name = file.name if file is not None else "this"
            error = (
                f"the process that was at {name} ended: the file may be damaged, or need more memory than "
                "there is; convert it, or make it smaller, and try again"
            )
        if job.state == "cancelled":
            return
        job.state, job.error = ("done", None) if error is None else ("failed", error)
        if error is None:
            self._note(job, result)
            self._finish(job, result)
        self._mark(job, job.state, error)
        self.tell_job(job)

    async def _warm_up(self) -> None:
        """Start the process that does the jobs again, so that the next one waits for nothing."""
        model = self.models[PACKAGED].path
        with suppress(TaskError, WorkerDiedError):
            await self.analyst.call("get_ready", {"model": model and str(model)})

    def _note(self, job: Job, told: Json) -> None:
        """Take over what a task tells on its way or at its end."""
        job.done = told.get("done", job.done)
        job.total = told.get("expected", job.total)
        file = self.files.get(job.file or "")
        if file is None or job.kind != "analyse" or file.analysis is None or file.analysis.job != job.id:
            return
        analysis = file.analysis
        analysis.frames_done, analysis.frames_expected = job.done, job.total
        analysis.people = told.get("people", analysis.people)
        if "model" in told:
            analysis.model = told["model"]
        file.about |= told.get("about", {})
        if "model" in told or "about" in told or "people" in told:
            self.tell("file", file.to_json())

    def _finish(self, job: Job, result: Json) -> None:
        if job.kind == "personalise":
            given = job.arguments
            person = FittedPerson(
                f"p{len(self.people) + 1}",
                given["person_name"],
                given["model_id"],
                Path(given["out"]),
                result,
            )
            self.people[person.id] = person
            job.person = person.id
            self.tell("person", person.to_json())

    def _mark(self, job: Job, state: str, error: str | None = None) -> None:
        """Write the state of a job into its file."""
        file = self.files.get(job.file or "")
        if file is None:
            return
        if job.kind == "annotate":
            file.overlay = state  # type: ignore[assignment]
        elif file.analysis is not None and file.analysis.job == job.id:
            file.analysis = replace(file.analysis, state=state, error=error)  # type: ignore[arg-type]
        self.tell("file", file.to_json())

    def _forget_exports(self, file: StoredFile) -> None:
        shutil.rmtree(file.folder / "exports", ignore_errors=True)

    def _position(self, job: Job) -> int:
        return self._waiting.index(job) + 1 if job in self._waiting else 0

    def tell_job(self, job: Job) -> None:
        """Tell all pages of a job."""
        self.tell("job", job.to_json(self._position(job)))

    def tell(self, event: str, content: Json) -> None:
        """Tell all pages something; one that does not read loses its stream and asks anew."""
        for listener in list(self._listeners):
            if listener.qsize() >= _MOST_EVENTS:
                self._listeners.discard(listener)
                listener.put_nowait(("end", {}))
            else:
                listener.put_nowait((event, content))

    async def listen(self, patience: float) -> AsyncIterator[tuple[str, Json] | None]:
        """Yield events as they come, the whole state first; None whenever nothing came for some seconds.

        Raises:
            ConflictError: If too many pages listen.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise ConflictError(f"{MOST_LISTENERS} pages are open, which is the most; close some")
        queue: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield "session", self.to_json()
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), patience)
                except asyncio.TimeoutError:
                    yield None
                    continue
                if event[0] == "end":
                    return
                yield event
                if event[0] == "bye":
                    return
        finally:
            self._listeners.discard(queue)

    async def get_ready(self) -> None:
        """Load the models: first that of the package where the jobs are done, then the rest at the desk."""
        first = self.models[PACKAGED]
        await self._describe(first, self.analyst, "get_ready")
        self.ready = True
        self._tell_ready()
        await self._describe(first, self.desk, "get_ready")
        for model in self.models.values():
            if model is not first:
                await self._describe(model, self.desk, "describe_model")
                self._tell_ready()

    async def _describe(self, model: Model, worker: Worker, task: str) -> None:
        try:
            model.about = await worker.call(task, {"model": model.path and str(model.path)})
        except TaskError as error:
            model.problem = str(error)
        except WorkerDiedError:
            model.problem = "the process that loaded it ended; there may be too little memory"

    def _tell_ready(self) -> None:
        self.tell("ready", {"ready": True, "models": [model.to_json() for model in self.models.values()]})


def models_of(paths: Sequence[Path]) -> list[Model]:
    """Return the models that can be chosen: that of the package, then those named, folders read whole.

    Raises:
        ValueError: If a path is not there, or a folder holds no model.
    """
    found: list[Model] = [Model(PACKAGED, "metafacs people detector")]
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("model.safetensors")) or sorted(path.glob("*.safetensors"))
            if not inside:
                raise ValueError(f"{path} holds no model.safetensors; name the folder of a training")
            named = [(each, str(each.relative_to(path.parent))) for each in inside]
        elif path.is_file():
            named = [(path, path.name)]
        else:
            raise ValueError(f"{path} does not exist; name model.safetensors of 'metafacs train'")
        found += [Model(f"m{len(found) + i}", name, each) for i, (each, name) in enumerate(named)]
    return found
