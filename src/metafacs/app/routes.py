"""Answers what the page asks for: the state, its files, their rows and curves, jobs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import shutil
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from metafacs.app.curves import COLUMNS, read_curves
from metafacs.app.formats import kind_of, name_of
from metafacs.app.guards import Refused, small_page
from metafacs.app.pages import Pages
from metafacs.app.records import Analysis, Choice, Json, StoredFile
from metafacs.app.requests import Personalising, choice_of, in_time, json_of, number_of, view_of
from metafacs.app.rows import read_landmarks, read_rows
from metafacs.app.session import ConflictError, NotFoundError, Session
from metafacs.app.uploads import Limits, store_body
from metafacs.app.worker import TaskError

HEARTBEAT = 15.0
"""Seconds between signs of life on a stream of events."""

_WIDEST = 4096
_FEWEST_COLUMNS, _MOST_COLUMNS = 16, 8192
_MEDIA_HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox"}


class Routes:
    """The addresses of the page.

    Args:
        session: What they are about.
        pages: The files of the page, and who is in.
        limits: Of uploads.
        ended: Set when the page asks for the end.
    """

    def __init__(self, session: Session, pages: Pages, limits: Limits, ended: asyncio.Event) -> None:
        self._session, self._pages, self._limits, self._ended = session, pages, limits, ended
        self._guard = pages.guard

    def routes(self) -> list[web.RouteDef]:
        """Return all of them but downloads and the camera."""
        one = "/api/files/{file:[A-Za-z0-9_-]{12}}"
        return [
            web.get("/", self._pages.start),
            web.get("/open", self._open),
            web.post("/login", self._log_in),
            web.get("/page/{name:.+}", self._pages.asset),
            web.get("/api/session", self._get_session),
            web.get("/api/events", self._get_events),
            web.post("/api/files", self._add_file),
            web.delete("/api/files", self._remove_files),
            web.get(one, self._get_file),
            web.patch(one, self._change_file),
            web.delete(one, self._remove_file),
            web.post(one + "/analyse", self._analyse),
            web.get(one + "/media", self._get_media),
            web.get(one + "/preview.jpg", self._get_preview),
            web.get(one + "/frames/{number:[0-9]{1,9}}.jpg", self._get_frame),
            web.get(one + "/people/{person:[0-9]{1,6}}.jpg", self._get_portrait),
            web.get(one + "/rows", self._get_rows),
            web.get(one + "/landmarks", self._get_landmarks),
            web.get(one + "/timelines", self._get_timelines),
            web.get("/api/jobs", self._get_jobs),
            web.delete("/api/jobs/{job:j[0-9]{1,9}}", self._cancel_job),
            web.post("/api/personalise", self._personalise),
            web.post("/api/quit", self._end),
        ]

    async def _open(self, request: web.Request) -> web.StreamResponse:
        if not self._guard.access.takes_token(request.query.get("token", "")):
            return small_page(
                "This address was used before, or is of a run that has ended. Open the one that the terminal "
                "printed.",
                status=403,
            )
        # Not a redirect: a browser sends a strict cookie only where the page before was of this server.
        response = small_page("The page opens.", head='<meta http-equiv="refresh" content="0; url=/">')
        self._guard.let_in(response)
        return response

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        access, address = self._guard.access, request.remote or ""
        if not access.shared:
            raise Refused(404, "there is no password; open the address that the terminal printed")
        if not access.may_try(address):
            return small_page(
                "Too many wrong passwords. Wait a minute, then go back and try again.", status=429
            )
        access.note_try(address)
        given = (await in_time(request, request.post())).get("password", "")
        password = given if isinstance(given, str) else ""
        if not await asyncio.to_thread(access.takes_password, password):
            return small_page("The password is wrong. Go back and try again.", status=403)
        access.forgive(address)
        response = web.Response(status=303, headers={"Location": "/"})
        self._guard.let_in(response)
        return response

    async def _get_session(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._session.to_json())

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        listening = self._session.listeners.listen(HEARTBEAT)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        # Asked once before the answer begins, so that a refusal has its status.
        await anext(listening)
        await response.prepare(request)
        with suppress(ConnectionError):
            await response.write(_event("session", self._session.to_json()))
            async with aclosing(listening) as events:
                async for event in events:
                    await response.write(b": still here\n\n" if event is None else _event(*event))
        return response

    async def _add_file(self, request: web.Request) -> web.StreamResponse:
        name = name_of(request.query.get("name", ""))
        kind_of(name)
        given: Json = {part: request.query[part] for part in ("model", "person") if part in request.query}
        choice = choice_of(given, Choice())
        self._session.check_choice(choice)
        folder = self._session.new_folder()
        try:
            # What is said of a file may name it by the last part of its path alone.
            path = folder / f"{folder.name}{kind_of(name)[1]}"
            size = await store_body(request, path, self._limits)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        file = self._session.add_file(name, folder, path, size, choice)
        return web.json_response(file.to_json(), status=201)

    async def _remove_files(self, request: web.Request) -> web.StreamResponse:
        for file in list(self._session.files.values()):
            await self._session.remove_file(file)
        return web.Response(status=204)

    async def _get_file(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._file(request).to_json())

    async def _remove_file(self, request: web.Request) -> web.StreamResponse:
        await self._session.remove_file(self._file(request))
        return web.Response(status=204)

    async def _change_file(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request)
        given = await json_of(request, dict[str, Any])
        known = {*file.view.to_json(), "model", "person", "fps"}
        if strange := sorted({*given} - known):
            raise Refused(400, f"there is no setting {strange[0]!r:.40}; reload the page")
        choice = choice_of(given, file.choice)
        self._session.check_choice(choice)
        aus = [] if file.analysis is None else file.analysis.model.get("aus", [])
        view = view_of(given, file.view, aus)
        if view.neutral is not None and view.neutral != file.view.neutral:
            try:
                await self._session.desk.call("check_neutral", {"neutral": view.neutral})
            except ValueError as error:
                raise Refused(400, str(error)) from error
        file.choice, file.view = choice, view
        self._session.settings_changed(file)
        return web.json_response(file.to_json())

    async def _analyse(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request)
        choice = choice_of(await json_of(request, dict[str, Any]), file.choice)
        self._session.check_choice(choice)
        before, file.choice = file.choice, choice
        try:
            job = self._session.analyse(file)
        except ConflictError:
            file.choice = before
            raise
        return web.json_response(job.to_json(), status=202)

    async def _get_media(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request)
        headers = {"Content-Type": file.media_type, **_MEDIA_HEADERS}
        return web.FileResponse(path_of(file), headers=headers)

    async def _get_preview(self, request: web.Request) -> web.StreamResponse:
        file, width = self._file(request), self._width(request)
        out = file.folder / "stills" / f"preview-{width}.jpg"
        if not out.is_file():
            given = {"path": str(path_of(file)), "name": file.name, "kind": file.kind, "width": width}
            await self._session.desk.call("write_preview", given | {"out": str(out)})
        return web.FileResponse(out)

    async def _get_frame(self, request: web.Request) -> web.StreamResponse:
        file, width, number = self._file(request), self._width(request), int(request.match_info["number"])
        if file.kind != "video":
            raise Refused(404, f"{file.name} is no video and has no frames")
        out = file.folder / "stills" / f"frame-{secrets.token_hex(6)}.jpg"
        given = {"path": str(path_of(file)), "name": file.name, "number": number, "width": width}
        await self._session.desk.call("write_frame", given | {"out": str(out)})
        return await _sent_once(out)

    async def _get_portrait(self, request: web.Request) -> web.StreamResponse:
        file, analysis = self._analysed(request)
        out = file.folder / "stills" / f"portrait-{secrets.token_hex(6)}.jpg"
        given = {
            "path": str(path_of(file)),
            "name": file.name,
            "kind": file.kind,
            "folder": str(analysis.folder),
            "person": int(request.match_info["person"]),
            "out": str(out),
        }
        await self._session.desk.call("write_portrait", given)
        return await _sent_once(out)

    async def _get_rows(self, request: web.Request) -> web.StreamResponse:
        analysis = self._current(request)
        after = number_of(request, "after", 0)
        rows, cursor, more = await asyncio.to_thread(read_rows, analysis.folder, after)
        head = {"analysis": analysis.id, "cursor": cursor, "more": more}
        body = json.dumps(head)[:-1].encode() + b', "rows": [' + rows + b"]}"
        return web.Response(body=body, content_type="application/json")

    async def _get_landmarks(self, request: web.Request) -> web.StreamResponse:
        analysis = self._current(request)
        first = number_of(request, "first", most=2**31 - 1)
        last = number_of(request, "last", most=2**31 - 1)
        return web.Response(body=await asyncio.to_thread(read_landmarks, analysis.folder, first, last))

    async def _get_timelines(self, request: web.Request) -> web.StreamResponse:
        file, _ = self._analysed(request)
        if file.kind == "picture":
            raise Refused(404, f"{file.name} is a picture and has no curves over time")
        stretch, failed = _stretch_of(request), ""
        while True:
            file, analysis = self._analysed(request)
            given = viewed_arguments(self._session, file, analysis)
            known = json.dumps([given, analysis.id, analysis.state, analysis.frames_done], sort_keys=True)
            name = hashlib.sha256(known.encode()).hexdigest()[:24]
            # Until the settings change they are calculated once, and asked for stretch by stretch.
            out = file.folder / "exports" / f"timelines-{name}.npz"
            try:
                if not out.is_file():
                    await self._session.desk.call("write_timelines", given | {"out": str(out)})
                told = await asyncio.to_thread(read_curves, out, *stretch)
            except (FileNotFoundError, TaskError) as error:
                # A change of settings takes away what is drawn with the old ones: once more, with the new.
                if known != failed:
                    failed = known
                elif isinstance(error, TaskError):
                    raise
                else:
                    raise ConflictError(f"the settings of {file.name} have just changed; ask again") from None
            else:
                body = json.dumps({"analysis": analysis.id} | told, separators=(",", ":"), allow_nan=False)
                return web.Response(text=body, content_type="application/json")

    async def _get_jobs(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._session.queue.to_json())

    async def _cancel_job(self, request: web.Request) -> web.StreamResponse:
        job = self._session.queue.jobs.get(request.match_info["job"])
        if job is None:
            raise NotFoundError("this job is not there any more")
        self._session.queue.cancel(job)
        return web.json_response(job.to_json())

    async def _personalise(self, request: web.Request) -> web.StreamResponse:
        wanted = await json_of(request, Personalising)
        model = self._session.models.get(wanted.model)
        if model is None:
            raise Refused(400, "there is no such model; reload the page")
        labels = []
        for label in wanted.labels:
            file = self._session.file(label.file)
            if (label.frame is None) != (file.kind == "picture"):
                raise Refused(
                    400, f"{file.name}: a frame of a video is marked by its number, a picture as it is"
                )
            path = str(path_of(file))
            aus = {str(au): value for au, value in label.aus.items()}
            place: Json = {"path": path, "name": file.name, "frame": label.frame, "box": label.box}
            labels.append(place | {"aus": aus})
        if len({(each["path"], each["frame"]) for each in labels}) < len(labels):
            raise Refused(400, "a frame is marked twice; remove one of the marks")
        out = self._session.folder / f"person-{secrets.token_hex(6)}.safetensors"
        given = {
            "model": model.path and str(model.path),
            "labels": labels,
            "out": str(out),
            "person_name": wanted.name.strip(),
            "model_id": model.id,
        }
        job = self._session.queue.add("personalise", None, "personalise", given)
        return web.json_response(job.to_json(), status=202)

    async def _end(self, request: web.Request) -> web.StreamResponse:
        if self._session.shared:
            raise Refused(403, "a shared server is ended where it was started, with Ctrl-C")
        self._ended.set()
        return web.json_response({}, status=202)

    def _file(self, request: web.Request) -> StoredFile:
        return self._session.file(request.match_info["file"])

    def _analysed(self, request: web.Request) -> tuple[StoredFile, Analysis]:
        file = self._file(request)
        return file, analysed(file)

    def _current(self, request: web.Request) -> Analysis:
        """Return the analysis that a request names, which must be the last one."""
        file = self._file(request)
        if file.analysis is None or number_of(request, "analysis") != file.analysis.id:
            raise ConflictError("the file has been analysed anew; begin with its first row")
        return file.analysis

    def _width(self, request: web.Request) -> int:
        return max(16, number_of(request, "width", 1280, most=_WIDEST))


def path_of(file: StoredFile) -> Path:
    """Return where a file lies.

    Raises:
        NotFoundError: Of a camera.
    """
    if file.path is None:
        raise NotFoundError("a camera's pictures are not kept")
    return file.path


def analysed(file: StoredFile) -> Analysis:
    """Return the analysis of a file that has results.

    Raises:
        ConflictError: If there are none yet.
    """
    if file.analysis is None or file.analysis.frames_done == 0:
        raise ConflictError(f"{file.name} has no results yet; wait until it is analysed")
    return file.analysis


def viewed_arguments(session: Session, file: StoredFile, analysis: Analysis) -> Json:
    """Return what tasks on finished results are given."""
    return {
        **session.paths_of(analysis.choice),
        "folder": str(analysis.folder),
        "view": file.view.to_json(),
        "name": file.name,
        "source": file.about,
        "fps": analysis.choice.fps,
        "path": None if file.path is None else str(file.path),
        "kind": file.kind,
    }


def _stretch_of(request: web.Request) -> tuple[float | None, float | None, int]:
    """Return the first and the last second of curves that are asked for, both None for all, and columns.

    Raises:
        Refused: If there is nothing between them.
    """
    columns = min(max(number_of(request, "columns", COLUMNS), _FEWEST_COLUMNS), _MOST_COLUMNS)
    if "begin" not in request.query and "end" not in request.query:
        return None, None, columns
    begin, end = (number_of(request, name) / 1000 for name in ("begin", "end"))
    if begin >= end:
        raise Refused(400, "the stretch ends before it begins; reload the page")
    return begin, end, columns


def _event(name: str, content: Json) -> bytes:
    """Return an event as it is written to a stream."""
    return f"event: {name}\ndata: {json.dumps(content, separators=(',', ':'))}\n\n".encode()


def _taken(path: Path) -> bytes:
    """Return what a file holds, and remove it."""
    content = path.read_bytes()
    path.unlink()
    return content


async def _sent_once(path: Path) -> web.StreamResponse:
    """Return a JPEG that nobody asks for again."""
    return web.Response(body=await asyncio.to_thread(_taken, path), content_type="image/jpeg")
