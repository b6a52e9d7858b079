"""The camera of the page: its pictures come over a WebSocket, and what they show goes back."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from metafacs.app.formats import name_of
from metafacs.app.records import Analysis, Choice, Json, StoredFile
from metafacs.app.requests import choice_of
from metafacs.app.rows import told_by_rows
from metafacs.app.session import ConflictError, Session
from metafacs.app.worker import WorkerDiedError

_LARGEST = 2 << 20
"""Bytes of a picture."""

_HEARTBEAT = 20.0
_PATIENCE = 3.0
_LATEST = 7 * 24 * 3600.0
_ENDED = "the process that read the camera ended; open the camera again"


class CameraRoute:
    """The address of the camera; one page at a time has it.

    Args:
        session: What recordings are added to.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def routes(self) -> list[web.RouteDef]:
        """Return the address."""
        return [web.get("/api/camera", self._connect)]

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=_LARGEST + 64, heartbeat=_HEARTBEAT)
        if not socket.can_prepare(request).ok:
            raise ConflictError("the camera is spoken to by a WebSocket; reload the page")
        camera = self._session.camera
        try:
            # A page that is loaded again finds its old self still closing.
            await asyncio.wait_for(camera.acquire(), _PATIENCE)
        except asyncio.TimeoutError:
            raise ConflictError("the camera is open on another page; close it there first") from None
        try:
            await socket.prepare(request)
            await _Conversation(self._session, socket).hold()
        finally:
            camera.release()
        return socket


class _Conversation:
    """What is said on one WebSocket."""

    def __init__(self, session: Session, socket: web.WebSocketResponse) -> None:
        self._session, self._watcher, self._socket = session, session.watcher, socket
        self._choice: Choice | None = None
        self._model: Json = {}
        self._recording: StoredFile | None = None
        self._size: Json = {}

    async def hold(self) -> None:
        """Answer until one side ends it; a recording is kept then."""
        try:
            async for message in self._socket:
                if message.type == WSMsgType.BINARY:
                    await self._read(message.data)
                elif message.type == WSMsgType.TEXT:
                    await self._obey(message.data)
        except ValueError as error:
            await self._say({"error": str(error)})
        except WorkerDiedError:
            await self._say({"error": _ENDED})
        finally:
            await self._finish()
            await self._socket.close()

    async def _read(self, content: bytes) -> None:
        """Read one picture."""
        if self._choice is None:
            raise ValueError("say first which model is to read the camera")
        if len(content) < 9:
            raise ValueError("a picture is sent with its time before it; reload the page")
        (seconds,) = struct.unpack("<d", content[:8])
        if not 0 <= seconds < _LATEST:
            raise ValueError("the time of the picture makes no sense; reload the page")
        row = await self._watcher.call("read_camera", {"seconds": seconds}, attached=content[8:])
        self._size = {"width": row["width"], "height": row["height"]}
        await self._say(row)

    async def _obey(self, text: str) -> None:
        """Do what the page says."""
        try:
            said: Any = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise ValueError("this is no message of the page; reload it")
        if self._choice is None:
            choice = choice_of({name: said[name] for name in ("model", "person") if name in said}, Choice())
            self._session.check_choice(choice)
            self._model = await self._watcher.call("open_camera", self._session.paths_of(choice))
            self._choice = choice
            await self._say({"ready": True, "model": self._model})
        elif said.get("record") is True:
            await self._record(str(said.get("name", "camera")))
        elif said.get("record") is False:
            told = await self._watcher.call("stop_recording", {})
            await self._say({"recorded": self._keep(told)})
        else:
            raise ValueError("this is no message of the page; reload it")

    async def _record(self, name: str) -> None:
        if self._recording is not None:
            self._keep(await self._watcher.call("stop_recording", {}))
        name, folder = name_of(name) or "camera", self._session.new_folder()
        assert self._choice is not None
        analysis = Analysis(1, self._choice, folder / "analysis-1", "running", model=self._model)
        self._recording = StoredFile(
            folder.name, name, "camera", folder, None, choice=self._choice, analysis=analysis
        )
        given = {"folder": str(analysis.folder), "name": name}
        await self._watcher.call("record_camera", given)
        await self._say({"recording": True})

    async def _finish(self) -> None:
        """Close the camera, and keep what was recorded."""
        told: Json = {}
        if self._choice is not None:
            try:
                told = await self._watcher.call("close_camera", {})
            except (ValueError, WorkerDiedError):
                told = {}
        # Of the camera nothing stays in memory.
        self._watcher.kill()
        self._keep(told)

    def _keep(self, told: Json) -> Json | None:
        """Add the recording to the files; return it, or None if there is none."""
        file, self._recording = self._recording, None
        if file is None or file.analysis is None:
            return None
        analysis = file.analysis
        analysis.state = "done"
        if not told:  # the process died, and what it had read lies on the disk
            analysis.state, analysis.error = "failed", _ENDED
            told = told_by_rows(analysis.folder)
        if not told["done"]:
            shutil.rmtree(file.folder, ignore_errors=True)
            return None
        analysis.frames_done = analysis.frames_expected = told["done"]
        analysis.people = told["people"]
        file.about = {"frames": told["done"], "seconds": told["seconds"], **self._size}
        self._session.files[file.id] = file
        content = file.to_json()
        self._session.listeners.tell("file", content)
        return content

    async def _say(self, content: Json) -> None:
        # A page that has gone is seen as the end of its messages.
        with suppress(ConnectionError):
            if not self._socket.closed:
                await self._socket.send_str(json.dumps(content, separators=(",", ":")))
