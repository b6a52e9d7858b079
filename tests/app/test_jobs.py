"""Jobs are done one after the other in a process of their own: what happens to it happens to no other job."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.data.videos import encode_video
from serving import Client, until


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory, face: Image.Image) -> Path:
    """Much that is quickly decoded, and takes long to be analysed: 3000 frames of a face."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    pictures = []
    for i in range(20):
        picture = Image.new("RGB", (128, 96), "grey")
        picture.paste(face, (i, 0))
        pictures.append(np.array(picture))
    encode_video(path, (pictures[i % 20] for i in range(3000)), 25)
    return path


def test_rows_come_while_a_video_is_analysed_and_stay_when_it_is_cancelled(
    client: Client, long_clip: Path, photo: bytes
) -> None:
    file = client.add("long.mp4", long_clip)
    place = f"/api/files/{file['id']}"
    later = client.add("me.png", photo)
    until(lambda: client.file(file["id"])["analysis"]["frames_done"], lambda done: done > 0)
    jobs = {job["file"]: job for job in client.get("/api/jobs").json}
    assert jobs[file["id"]]["state"] == "running"
    assert jobs[later["id"]]["position"] == 1
    rows = client.get(f"{place}/rows?analysis=1").json
    assert [row["n"] for row in rows["rows"]] == list(range(len(rows["rows"])))
    assert client.get(f"{place}/timelines").json["complete"] is False
    assert client.post(f"{place}/analyse").status == 409
    cancelled = client.ask("DELETE", f"/api/jobs/{jobs[file['id']]['id']}").json
    assert cancelled["state"] == "cancelled"
    file = client.file(file["id"])
    assert file["analysis"]["state"] == "cancelled"
    assert client.wait(later["id"])["analysis"]["state"] == "done"
    done = client.get(f"{place}/rows?analysis=1").json
    assert done["rows"][: len(rows["rows"])] == rows["rows"]
    assert client.get(f"{place}/download/openface.csv").status == 200
    again = client.post(f"{place}/analyse", {"fps": 0.5}).json
    assert client.wait_for_job(again["id"])["done"] == 60
    assert client.get(f"{place}/rows?analysis=1").status == 409
    assert client.file(file["id"])["analysis"]["id"] == 2


def test_a_job_that_waits_is_not_begun_when_it_is_cancelled(
    client: Client, long_clip: Path, photo: bytes
) -> None:
    first, second = client.add("long.mp4", long_clip), client.add("me.png", photo)
    job = client.file(second["id"])["analysis"]["job"]
    assert client.ask("DELETE", f"/api/jobs/{job}").json["state"] == "cancelled"
    assert client.file(second["id"])["analysis"]["state"] == "cancelled"
    client.ask("DELETE", f"/api/files/{first['id']}")
    assert client.analysed("other.png", photo)["analysis"]["people"] == [0]


def test_a_file_that_is_removed_while_it_is_analysed_is_gone(client: Client, long_clip: Path) -> None:
    file = client.add("long.mp4", long_clip)
    until(lambda: client.file(file["id"])["analysis"]["frames_done"], lambda done: done > 0)
    assert client.ask("DELETE", f"/api/files/{file['id']}").status == 204
    folder = client.server.folder / file["id"]
    until(lambda: folder.exists(), lambda there: not there)
    job = client.wait_for_job(file["analysis"]["job"])
    assert job["state"] == "cancelled"
    assert client.get(f"/api/files/{file['id']}").status == 404


def test_a_process_that_dies_takes_its_job_alone(client: Client, long_clip: Path, photo: bytes) -> None:
    file = client.add("long.mp4", long_clip)
    until(lambda: client.file(file["id"])["analysis"]["frames_done"], lambda done: done > 0)
    os.kill(client.server.session.analyst.process_id or 0, signal.SIGKILL)
    failed = client.wait(file["id"])["analysis"]
    assert failed["state"] == "failed"
    assert "long.mp4" in failed["error"]
    assert client.analysed("me.png", photo)


def test_a_desk_that_dies_is_started_again(client: Client, photo: bytes) -> None:
    file = client.analysed("me.png", photo)
    place = f"/api/files/{file['id']}/download/openface.csv"
    assert client.get(place).status == 200
    os.kill(client.server.session.desk.process_id or 0, signal.SIGKILL)
    assert client.get(place).status in (200, 503)
    assert client.get(place).status == 200


@pytest.mark.parametrize("name", ["broken.png", "broken.mp4", "broken.heic", "broken.gif"])
def test_a_broken_file_is_told_by_the_name_that_the_user_knows(client: Client, name: str) -> None:
    file = client.wait(client.add(name, bytes(range(256)) * 40)["id"])
    assert file["analysis"]["state"] == "failed"
    assert name in file["analysis"]["error"]
    assert "metafacs-app" not in json.dumps(file)
    assert client.get(f"/api/files/{file['id']}/download/openface.csv").status == 409
    refused = client.get(f"/api/files/{file['id']}/preview.jpg")
    assert refused.status == 409
    assert name in refused.error


def test_a_picture_without_a_face_has_a_row(client: Client) -> None:
    import io

    content = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(content, "PNG")
    file = client.analysed("nobody.png", content.getvalue())
    assert (file["width"], file["height"]) == (64, 48)
    assert client.get(f"/api/files/{file['id']}/rows?analysis=1").json["rows"][0]["faces"] == []
    assert client.get(f"/api/files/{file['id']}/people/0.jpg").status == 409


def test_a_page_that_is_loaded_again_finds_everything(client: Client, photo: bytes, short_clip: Path) -> None:
    files = [client.analysed("me.png", photo), client.analysed("clip.mp4", short_clip)]
    state = client.get("/api/session").json
    assert state["files"] == files
    with socket.create_connection(("127.0.0.1", client.server.port), timeout=60) as connection:
        head = f"GET /api/events HTTP/1.1\r\nHost: {client.host}\r\nCookie: {client.cookie}\r\n\r\n"
        connection.sendall(head.encode())
        stream = connection.makefile("rb")
        while not (line := stream.readline()).startswith(b"event: session"):
            assert line
        assert json.loads(stream.readline().removeprefix(b"data: "))["files"] == files
        client.ask("PATCH", f"/api/files/{files[0]['id']}", {"smoothing": 0.2})
        while not (line := stream.readline()).startswith(b"event: file"):
            assert line
        assert json.loads(stream.readline().removeprefix(b"data: "))["settings"]["smoothing"] == 0.2


def test_frames_faces_and_landmarks_can_be_looked_at(client: Client, short_clip: Path) -> None:
    import io

    file = client.analysed("clip.mp4", short_clip)
    place = f"/api/files/{file['id']}"
    for name, size in (
        ("frames/9.jpg", (128, 96)),
        ("preview.jpg?width=64", (64, 48)),
        ("people/0.jpg", (160, 160)),
    ):
        picture = Image.open(io.BytesIO(client.get(f"{place}/{name}").body))
        assert (picture.format, picture.size) == ("JPEG", size)
    assert "frame" in client.get(f"{place}/frames/10.jpg").error
    points = client.get(f"{place}/landmarks?analysis=1&first=2&last=4").body
    assert len(points) == 3 * 552
    assert np.frombuffer(points, "<i4").reshape(3, -1)[:, :2].tolist() == [[2, 0], [3, 0], [4, 0]]


def test_names_go_where_people_may_get_other_numbers(client: Client, short_clip: Path) -> None:
    file = client.analysed("clip.mp4", short_clip)
    place = f"/api/files/{file['id']}"
    kept = {"names": {"0": "Eileen"}, "hidden": [0], "smoothing": 0.5}
    client.ask("PATCH", place, kept)
    for choice, names, hidden in (({}, {"0": "Eileen"}, [0]), ({"fps": 5}, {}, [])):
        assert client.post(f"{place}/analyse", choice).status == 202
        settings = client.wait(file["id"])["settings"]
        assert (settings["names"], settings["hidden"], settings["smoothing"]) == (names, hidden, 0.5)


def test_settings_that_make_no_sense_are_refused(client: Client, photo: bytes) -> None:
    place = f"/api/files/{client.analysed('me.png', photo)['id']}"
    for wrong in (
        {"smoothing": -1},
        {"smoothing": "x"},
        {"smoothing": 1e400},
        {"aus": []},
        {"aus": [999]},
        {"aus": [6]},
        {"aus": "12"},
        {"neutral": "1-0"},
        {"neutral": 7},
        {"names": {"a": "b"}},
        {"names": {"0": "x" * 61}},
        {"names": {"0": "a\nb"}},
        {"hidden": [-1]},
        {"hidden": [True]},
        {"model": "m9"},
        {"model": None},
        {"person": "p1"},
        {"fps": 0},
        {"strange": 1},
        [],
    ):
        answer = client.ask("PATCH", place, json.dumps(wrong).encode())
        assert answer.status == 400, wrong
        assert answer.error
    for body in (b"{", b"\xff", b"[" * 100_000, b"nan"):
        assert client.ask("PATCH", place, body).status == 400
    assert client.ask("PATCH", place, b" " * (2 << 20)).status == 413
