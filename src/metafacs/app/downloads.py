"""Answers what users take away: tables, events, plots, annotated pictures and videos, people's files."""

from __future__ import annotations

import secrets
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from metafacs.app.formats import ABOUT, OVER_TIME, TABLES, stem_of
from metafacs.app.guards import Refused
from metafacs.app.records import StoredFile
from metafacs.app.requests import number_of
from metafacs.app.routes import analysed, path_of, viewed_arguments
from metafacs.app.session import ConflictError, NotFoundError, Session

_PICTURES, _BUNDLE = "faces", "metafacs"
_MOST_FILES = 2000
_TYPES = {
    ".json": "application/json",
    ".zip": "application/zip",
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/jsonl; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".eaf": "application/xml",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
    ".safetensors": "application/octet-stream",
}


class Downloads:
    """The addresses of what users take away.

    Args:
        session: What they are about.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def routes(self) -> list[web.RouteDef]:
        """Return all of them."""
        one, names = "/api/files/{file:[A-Za-z0-9_-]{12}}", "|".join((*TABLES, *ABOUT, *OVER_TIME))
        tables = "|".join(TABLES)
        return [
            web.get(one + "/download/overlay.png", self._get_picture_overlay),
            web.get(one + "/download/overlay.mp4", self._get_overlay),
            web.get(one + f"/download/{{what:{names}}}", self._get_download),
            web.post(one + "/annotate", self._annotate),
            web.get(f"/api/pictures/{{what:{tables}}}", self._get_picture_table),
            web.get("/api/bundle.zip", self._get_bundle),
            web.get("/api/people/{person:p[0-9]{1,6}}.safetensors", self._get_person),
        ]

    async def _get_download(self, request: web.Request) -> web.StreamResponse:
        file, what = self._file(request), request.match_info["what"]
        if file.kind == "picture" and what in OVER_TIME:
            raise Refused(404, f"{file.name} is a picture: it has no events and no plot over time")
        person = number_of(request, "person") if "person" in request.query else None
        name = (TABLES | ABOUT | OVER_TIME)[what].format(stem=stem_of(file.name))
        if person is not None and what.startswith("plot."):
            name = f"_person{person}.".join(name.rsplit(".", 1))
        return await self._written(file, what, name, {"person": person})

    async def _get_picture_overlay(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request)
        if file.kind != "picture":
            raise Refused(404, f"{file.name} is no picture; take its annotated video")
        return await self._written(file, "overlay.png", f"{stem_of(file.name)}_overlay.png", {})

    async def _written(
        self, file: StoredFile, what: str, name: str, options: dict[str, int | None]
    ) -> web.StreamResponse:
        """Write a file at the desk and send it."""
        arguments = viewed_arguments(self._session, file, analysed(file))
        out = self._out(PurePosixPath(what).suffix)
        more = {"what": what, "options": options, "out": str(out)}
        await self._session.desk.call("write_download", arguments | more)
        return _Once(out, headers=_headers(name))

    async def _annotate(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request)
        if file.kind != "video":
            raise Refused(404, f"{file.name} is no video; only videos are annotated as such")
        analysis = analysed(file)
        if file.overlay in ("waiting", "running"):
            raise ConflictError("the annotated video is being made; wait for it or cancel it")
        arguments = viewed_arguments(self._session, file, analysis)
        out = _exports(file) / "overlay.mp4"
        file.overlay = "waiting"
        job = self._session.queue.add("annotate", file.id, "annotate", arguments | {"out": str(out)})
        self._session.listeners.tell("file", file.to_json())
        return web.json_response(job.to_json(), status=202)

    async def _get_overlay(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request)
        path_of(file)
        if file.overlay != "done":
            raise ConflictError("the annotated video is not made yet; ask for it, and wait until it is done")
        return web.FileResponse(
            _exports(file) / "overlay.mp4", headers=_headers(f"{stem_of(file.name)}_overlay.mp4")
        )

    async def _get_picture_table(self, request: web.Request) -> web.StreamResponse:
        files = self._files(request)
        if not_pictures := [file.name for file in files if file.kind != "picture"]:
            raise Refused(400, f"{not_pictures[0]} is no picture; a video has a table of its own")
        pictures = [viewed_arguments(self._session, file, analysed(file)) for file in files]
        what = request.match_info["what"]
        out = self._out(PurePosixPath(what).suffix)
        arguments = {"pictures": pictures, "what": what, "out": str(out)}
        await self._session.desk.call("write_picture_table", arguments)
        return _Once(out, headers=_headers(TABLES[what].format(stem=_PICTURES)))

    async def _get_bundle(self, request: web.Request) -> web.StreamResponse:
        files = self._files(request)
        given = [viewed_arguments(self._session, file, analysed(file)) for file in files]
        out = self._out(".zip")
        await self._session.desk.call("write_bundle", {"files": given, "out": str(out)})
        name = stem_of(files[0].name) if len(files) == 1 else _BUNDLE
        return _Once(out, headers=_headers(f"{name}.zip"))

    async def _get_person(self, request: web.Request) -> web.StreamResponse:
        person = self._session.people.get(request.match_info["person"])
        if person is None:
            raise NotFoundError("this person is not there any more")
        return web.FileResponse(person.path, headers=_headers(f"{person.name}.safetensors"))

    def _out(self, suffix: str) -> Path:
        """Return a place for what is sent once: a change of settings meanwhile does not take it away."""
        return self._session.folder / f"{secrets.token_hex(6)}{suffix}"

    def _file(self, request: web.Request) -> StoredFile:
        return self._session.file(request.match_info["file"])

    def _files(self, request: web.Request) -> list[StoredFile]:
        ids = request.query.get("files", "").split(",")
        if len(ids) > _MOST_FILES:
            raise Refused(400, f"at most {_MOST_FILES} files are taken away together")
        return [self._session.file(file_id) for file_id in ids]


class _Once(web.FileResponse):
    """A file that is removed when it has been sent."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        try:
            return await super().prepare(request)
        finally:
            self._path.unlink(missing_ok=True)


def _exports(file: StoredFile) -> Path:
    return file.folder / "exports"


def _headers(name: str) -> dict[str, str]:
    """Return what makes a browser save a file under a name."""
    kind = _TYPES[PurePosixPath(name).suffix]
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Type": kind,
    }
