"""The camera: pictures over a WebSocket, what they show back, and a recording that is a file like others."""

from __future__ import annotations

import asyncio
import io
import json
import os
import struct
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pandas as pd
import pytest
from PIL import Image

from serving import Client, until

Talk = Callable[[aiohttp.ClientWebSocketResponse], Awaitable[Any]]


def talk(client: Client, conversation: Talk, **headers: str) -> Any:
    """Hold a conversation as the page does."""

    async def run() -> Any:
        known = {"Cookie": client.cookie, "Origin": f"http://{client.host}", **headers}
        address = f"http://{client.host}/api/camera"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, headers=known) as socket,
        ):
            return await asyncio.wait_for(conversation(socket), 240)

    return asyncio.run(run())


def jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=95)
    return content.getvalue()


def sent(seconds: float, content: bytes) -> bytes:
    return struct.pack("<d", seconds) + content


def test_every_picture_is_answered_and_a_recording_is_a_file(client: Client, face: Image.Image) -> None:
    content = jpeg(face)

    async def conversation(socket: aiohttp.ClientWebSocketResponse) -> Any:
        await socket.send_json({"model": "packaged"})
        ready = await socket.receive_json()
        assert ready["model"]["aus"] == [1, 4, 12]
        rows = []
        for i in range(8):
            if i == 3:
                await socket.send_json({"record": True, "name": "my/talk"})
                assert await socket.receive_json() == {"recording": True}
            await socket.send_bytes(sent(i * 0.1, content))
            rows.append(await socket.receive_json())
        await socket.send_json({"record": False})
        return rows, (await socket.receive_json())["recorded"]

    rows, file = talk(client, conversation)
    assert [row["n"] for row in rows] == list(range(8))
    assert [len(row["faces"]) for row in rows] == [1] * 8
    assert (rows[0]["width"], len(rows[0]["landmarks"]["0"])) == (96, 136)
    assert (file["kind"], file["name"], file["analysis"]["state"], file["frames"]) == (
        "camera",
        "talk",
        "done",
        5,
    )
    assert client.file(file["id"]) == file
    place = f"/api/files/{file['id']}"
    table = pd.read_csv(io.BytesIO(client.get(f"{place}/download/openface.csv").body))
    assert table["frame"].tolist() == [0, 1, 2, 3, 4]
    assert table["timestamp"].tolist() == [0, 0.1, 0.2, 0.3, 0.4]
    assert table["input"].unique().tolist() == ["talk"]
    for what in ("events.csv", "events.eaf", "boris.csv", "plot.png", "table.parquet"):
        assert client.get(f"{place}/download/{what}").status == 200
    assert client.get(f"{place}/media").status == 404
    assert client.post(f"{place}/analyse").status == 409
    told = client.get(f"{place}/timelines").json
    assert (told["complete"], told["people"][0]["frames"]) == (True, [0, 1, 2, 3, 4])


def test_a_recording_stays_when_the_page_goes(client: Client, face: Image.Image) -> None:
    async def conversation(socket: aiohttp.ClientWebSocketResponse) -> None:
        await socket.send_json({})
        await socket.receive_json()
        await socket.send_json({"record": True})
        await socket.receive_json()
        await socket.send_bytes(sent(0.0, jpeg(face)))
        await socket.receive_json()

    talk(client, conversation)
    # The camera is free again when everything is kept.
    talk(client, conversation)
    cameras = [file for file in client.get("/api/session").json["files"] if file["kind"] == "camera"]
    assert [file["frames"] for file in cameras[:1]] == [1]


def test_a_recording_stays_when_its_process_dies(client: Client, face: Image.Image) -> None:
    async def conversation(socket: aiohttp.ClientWebSocketResponse) -> Any:
        await socket.send_json({})
        await socket.receive_json()
        await socket.send_json({"record": True, "name": "cut off"})
        await socket.receive_json()
        for i in range(3):
            await socket.send_bytes(sent(i * 0.1, jpeg(face)))
            assert (await socket.receive_json())["faces"]
        client.server.session.watcher.kill()
        await socket.send_bytes(sent(0.4, jpeg(face)))
        return await socket.receive_json()

    assert "open" in talk(client, conversation)["error"]

    def recording() -> list[dict[str, Any]]:
        return [file for file in client.get("/api/session").json["files"] if file["name"] == "cut off"]

    (file,) = until(recording, bool)
    assert (file["analysis"]["state"], file["frames"], file["analysis"]["people"]) == ("failed", 3, [0])
    table = client.get(f"/api/files/{file['id']}/download/openface.csv")
    assert pd.read_csv(io.BytesIO(table.body))["frame"].tolist() == [0, 1, 2]


def test_one_page_at_a_time_has_the_camera(client: Client) -> None:
    async def conversation(socket: aiohttp.ClientWebSocketResponse) -> None:
        await socket.send_json({})
        await socket.receive_json()
        async with aiohttp.ClientSession() as session:
            known = {"Cookie": client.cookie, "Origin": f"http://{client.host}"}
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"http://{client.host}/api/camera", headers=known)
        assert refused.value.status == 409

    talk(client, conversation)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"short", "with its time"),
        (sent(0.0, b"no picture"), "picture"),
        (sent(float("nan"), b"\xff\xd8"), "time"),
        (sent(-1.0, b"\xff\xd8"), "time"),
        (sent(0.0, jpeg(Image.new("RGB", (2500, 20)))), "2500 x 20"),
        ("no message", "no message"),
        ("[" * 10_000, "no message"),
        (json.dumps({"strange": 1}), "no message"),
    ],
)
def test_what_is_no_picture_ends_the_camera_in_a_sentence(
    client: Client, message: bytes | str, said: str
) -> None:
    async def conversation(socket: aiohttp.ClientWebSocketResponse) -> Any:
        await socket.send_json({})
        await socket.receive_json()
        await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
        answer = await socket.receive_json()
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        return answer

    assert said in talk(client, conversation)["error"]


def test_pictures_must_come_in_order_and_after_the_model(client: Client, face: Image.Image) -> None:
    async def out_of_order(socket: aiohttp.ClientWebSocketResponse) -> Any:
        await socket.send_json({})
        await socket.receive_json()
        for seconds in (1.0, 1.0):
            await socket.send_bytes(sent(seconds, jpeg(face)))
            answer = await socket.receive_json()
        return answer

    async def at_once(socket: aiohttp.ClientWebSocketResponse) -> Any:
        await socket.send_bytes(sent(0.0, jpeg(face)))
        return await socket.receive_json()

    async def unknown(socket: aiohttp.ClientWebSocketResponse) -> Any:
        await socket.send_json({"model": "m7"})
        return await socket.receive_json()

    assert "another order" in talk(client, out_of_order)["error"]
    assert "which model" in talk(client, at_once)["error"]
    assert "no model" in talk(client, unknown)["error"]


def test_other_pages_do_not_get_the_camera(client: Client) -> None:
    async def nothing(socket: aiohttp.ClientWebSocketResponse) -> None:
        raise AssertionError

    for headers in ({"Origin": "http://evil.example"}, {"Origin": ""}, {"Cookie": ""}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            talk(client, nothing, **headers)
        assert refused.value.status == 403


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is only waited for with the next one")
def test_the_process_of_the_camera_is_gone_when_it_is_closed(client: Client, face: Image.Image) -> None:
    content = jpeg(face)

    async def conversation(socket: aiohttp.ClientWebSocketResponse) -> int | None:
        await socket.send_json({"model": "packaged"})
        await socket.receive_json()
        await socket.send_bytes(sent(0.0, content))
        assert (await socket.receive_json())["faces"]
        return client.server.session.watcher.process_id

    number = talk(client, conversation)
    assert number is not None

    def is_there() -> bool:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
        return True

    until(is_there, lambda there: not there)
