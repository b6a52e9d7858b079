"""What users take away is what the command writes, byte for byte; their settings change it as they say."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import clips
from metafacs.app import tables
from metafacs.app.records import Json
from metafacs.app.viewed import Viewed
from metafacs.app.worker import TaskError
from metafacs.data.videos import decode_frames
from serving import Client, until

Predict = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_of_a_video_everything_is_what_the_command_writes(
    client: Client, short_clip: Path, predict: Predict, folder: Path
) -> None:
    (folder / "my clip.mp4").write_bytes(short_clip.read_bytes())
    beside = ["--events", "--elan", "--boris", "--plot", "--overlay", "true", "--out", "."]
    assert predict("my clip.mp4", *beside) == 0
    file = client.analysed("my clip.mp4", short_clip)
    assert file["kind"] == "video"
    assert (file["width"], file["height"], file["frames"], file["seconds"]) == (128, 96, 10, 0.5)
    place = f"/api/files/{file['id']}"
    made = {
        "openface.csv": "my clip.csv",
        "events.csv": "my clip_events.csv",
        "boris.csv": "my clip_boris.csv",
        "plot.png": "my clip_plot.png",
        "plot.svg": "my clip_plot.svg",
    }
    for what, name in made.items():
        answer = client.get(f"{place}/download/{what}")
        assert answer.status == 200, answer.body
        assert answer.body == (folder / name).read_bytes(), what
        assert name.replace(" ", "%20") in answer.headers["Content-Disposition"]
    elan = client.get(f"{place}/download/events.eaf").body.decode()
    written = (folder / "my clip.eaf").read_text()
    assert re.sub('DATE="[^"]*"', "", elan) == re.sub('DATE="[^"]*"', "", written)
    assert client.get(f"{place}/download/overlay.mp4").status == 409
    job = client.post(f"{place}/annotate").json
    assert client.wait_for_job(job["id"])["done"] == 10
    drawn = folder / "from the page.mp4"
    drawn.write_bytes(client.get(f"{place}/download/overlay.mp4").body)
    # The encoder's threads make other bytes of the same pictures every time.
    ours, theirs = (list(decode_frames(each, range(10))) for each in (drawn, folder / "my clip_overlay.mp4"))
    assert all(np.abs(a.astype(int) - b).mean() < 0.5 for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("what", "form", "ending"),
    [("fex.csv", "fex", "csv"), ("table.jsonl", "jsonl", "jsonl"), ("table.parquet", "parquet", "parquet")],
)
def test_all_conventions_are_those_of_the_command(
    client: Client, short_clip: Path, predict: Predict, folder: Path, what: str, form: str, ending: str
) -> None:
    (folder / "clip.mp4").write_bytes(short_clip.read_bytes())
    assert predict("clip.mp4", "--format", form, "--out", ".") == 0
    file = client.analysed("clip.mp4", short_clip)
    answer = client.get(f"/api/files/{file['id']}/download/{what}")
    assert answer.body == (folder / f"clip.{ending}").read_bytes()


def test_pictures_share_a_table_as_with_the_command(
    client: Client, photo: bytes, predict: Predict, folder: Path
) -> None:
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(photo)
    assert predict("a.png", "b.png", "--out", ".") == 0
    files = [client.analysed(name, photo) for name in ("a.png", "b.png")]
    ids = ",".join(file["id"] for file in files)
    answer = client.get(f"/api/pictures/openface.csv?files={ids}")
    assert answer.body == (folder / "faces.csv").read_bytes()
    overlay = client.get(f"/api/files/{files[1]['id']}/download/overlay.png")
    assert overlay.body == (folder / "b_overlay.png").read_bytes()


def test_rest_is_taken_into_account_as_by_the_command(
    client: Client, short_clip: Path, predict: Predict, folder: Path
) -> None:
    (folder / "clip.mp4").write_bytes(short_clip.read_bytes())
    assert predict("clip.mp4", "--neutral", "0-4", "--out", ".") == 0
    file = client.analysed("clip.mp4", short_clip)
    place = f"/api/files/{file['id']}"
    assert client.ask("PATCH", place, {"neutral": "0-4"}).json["settings"]["neutral"] == "0-4"
    assert client.get(f"{place}/download/openface.csv").body == (folder / "clip.csv").read_bytes()
    told = client.get(f"{place}/timelines").json
    assert told["neutral"]["people"]["0"]["quiet_frames"] == 5


def test_curves_are_drawn_again_where_settings_change_meanwhile(
    client: Client, short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = client.analysed("clip.mp4", short_clip)
    session, place = client.server.session, f"/api/files/{file['id']}"
    call, drawn = session.desk.call, list[Json]()

    async def changed_meanwhile(task: str, given: Json, **more: Any) -> Json:
        told = await call(task, given, **more)
        drawn.append(given["view"]["names"])
        if len(drawn) == 1:
            known = session.files[file["id"]]
            known.view = replace(known.view, names={0: "Eileen"})
            session.settings_changed(known)
            raise TaskError("what it wrote is gone")
        return told

    monkeypatch.setattr(session.desk, "call", changed_meanwhile)
    (person,) = client.get(f"{place}/timelines").json["people"]
    assert person["name"] == "Eileen"
    assert len(drawn) == 2

    # What fails with the same settings again is told.
    async def failing(task: str, given: Json, **more: Any) -> Json:
        raise TaskError("the disk is full")

    monkeypatch.setattr(session.desk, "call", failing)
    assert client.ask("PATCH", place, {"smoothing": 1.0}).status == 200
    refused = client.get(f"{place}/timelines")
    assert (refused.status, refused.error) == (409, "the disk is full")


def test_what_is_being_sent_stays_when_settings_change_meanwhile(
    client: Client, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [client.analysed(name, photo) for name in ("a.png", "b.png")]
    session, ids = client.server.session, ",".join(file["id"] for file in files)
    call = session.desk.call

    async def changed_meanwhile(task: str, given: Json, **more: Any) -> Json:
        told = await call(task, given, **more)
        session.settings_changed(session.files[files[0]["id"]])
        return told

    monkeypatch.setattr(session.desk, "call", changed_meanwhile)
    table, bundle = f"/api/pictures/openface.csv?files={ids}", f"/api/bundle.zip?files={ids}"
    for address in (f"/api/files/{files[0]['id']}/download/openface.csv", table, bundle):
        answer = client.get(address)
        assert answer.status == 200, answer.body
        assert answer.body

    def left() -> list[str]:
        return [path.name for path in session.folder.iterdir() if path.suffix in (".csv", ".zip")]

    until(left, lambda names: not names)


def test_people_are_hidden_and_named_and_aus_chosen(client: Client, short_clip: Path) -> None:
    file = client.analysed("clip.mp4", short_clip)
    place = f"/api/files/{file['id']}"
    assert client.ask("PATCH", place, {"aus": [12, 1], "names": {"0": "Eileen"}}).status == 200
    table = pd.read_csv(io.BytesIO(client.get(f"{place}/download/openface.csv").body))
    assert [name for name in table if name.endswith("_p")] == ["AU01_p", "AU12_p"]
    assert table["success"].all()
    about = client.get(f"{place}/download/about.json").json
    assert list(about["counts"]["share_of_time_present"]) == ["AU01", "AU12"]
    assert 'PARTICIPANT="Eileen"' in client.get(f"{place}/download/events.eaf").body.decode()
    assert "clip.mp4, Eileen" in client.get(f"{place}/download/plot.svg").body.decode()
    (person,) = client.get(f"{place}/timelines").json["people"]
    assert (person["name"], list(person["p"]), len(person["times"])) == ("Eileen", ["1", "12"], 10)
    assert client.ask("PATCH", place, {"hidden": [0], "aus": None}).status == 200
    rows = list(csv.DictReader(io.StringIO(client.get(f"{place}/download/openface.csv").body.decode())))
    assert [row["success"] for row in rows] == ["0"] * 10
    refused = client.get(f"{place}/download/plot.png")
    assert refused.status == 409
    assert "shows nobody" in refused.error


def test_frames_that_cannot_be_decoded_are_told_whoever_is_hidden(
    client: Client, face: Image.Image, folder: Path
) -> None:
    whole = clips.write_clip(folder / "whole.mp4", [np.asarray(face)] * 6, gop=1)
    file = client.analysed("clip.mp4", clips.damage(whole, folder / "clip.mp4", [2, 3]))
    place = f"/api/files/{file['id']}"
    assert client.ask("PATCH", place, {"hidden": [0]}).status == 200
    counts = client.get(f"{place}/download/about.json").json["counts"]
    assert (counts["frames"], counts["faces"], counts["undecodable"]) == (6, 0, 2)
    assert [(each["from"], each["to"]) for each in counts["undecodable_frames"]] == [(2, 3)]
    assert client.get(f"{place}/timelines").json["lost"] == [2, 3]


def test_everything_of_some_files_comes_in_one(
    client: Client, photo: bytes, short_clip: Path, predict: Predict, folder: Path
) -> None:
    (folder / "clip.mp4").write_bytes(short_clip.read_bytes())
    assert predict("clip.mp4", "--out", ".") == 0
    files = [client.analysed("clip.mp4", short_clip)]
    files += [client.analysed(name, photo) for name in ("Clip.png", "...me.png", "x" * 300 + ".png")]
    ids = ",".join(file["id"] for file in files)
    answer = client.get(f"/api/bundle.zip?files={ids}")
    assert answer.status == 200, answer.body
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        names = archive.namelist()
        assert archive.read("clip/clip.csv") == (folder / "clip.csv").read_bytes()
        about = json.loads(archive.read("clip/clip.csv.meta.json"))
    of_the_clip = ["_boris.csv", "_events.csv", "_plot.png", "_plot.svg", ".csv", ".csv.meta.json", ".eaf"]
    assert {name for name in names if name.startswith("clip/")} == {f"clip/clip{end}" for end in of_the_clip}
    assert {"Clip (2)/Clip.csv", "Clip (2)/Clip_overlay.png", "me/me.csv"} <= set(names)
    assert not any(name.startswith(("/", ".")) or ".." in name for name in names)
    written = json.loads((folder / "clip.csv.meta.json").read_text())
    for part in ("thresholds", "experimental", "units", "numbering", "action_units", "counts", "selection"):
        assert about[part] == written[part]
    assert about["source"] == written["source"] | {"seconds": 0.5}
    alone = client.get(f"/api/bundle.zip?files={files[0]['id']}")
    assert "clip.zip" in alone.headers["Content-Disposition"]
    assert "clip.csv" in zipfile.ZipFile(io.BytesIO(alone.body)).namelist()
    assert client.get("/api/bundle.zip").status == 404


def test_a_long_bundle_tells_that_it_goes_on_and_holds_one_file_at_a_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def viewed() -> Iterator[Viewed]:
        for name in ("a.png", "b.png", "a.mp4"):
            assert len(done) == len(told)
            yield cast(Viewed, SimpleNamespace(name=name))

    told: list[dict[str, object]] = []
    monkeypatch.setattr(tables, "_write_all", lambda viewed, made: done.append(viewed.name))
    tables.write_bundle(viewed(), folder / "all.zip", told.append, folders=True)
    assert (done, len(told)) == (["a.png", "b.png", "a.mp4"], 3)


def test_what_cannot_be_had_is_said(client: Client, photo: bytes, short_clip: Path) -> None:
    picture = client.analysed("me.png", photo)
    place = f"/api/files/{picture['id']}"
    assert client.get(f"{place}/download/events.csv").status == 404
    assert client.get(f"{place}/download/secrets.txt").status == 404
    assert client.post(f"{place}/annotate").status == 404
    video = client.analysed("clip.mp4", short_clip)
    place = f"/api/files/{video['id']}"
    assert client.get(f"{place}/download/overlay.png").status == 404
    assert client.get(f"/api/pictures/openface.csv?files={video['id']}").status == 400
    assert "no person 7" in client.get(f"{place}/download/plot.png?person=7").error
    assert client.get(f"{place}/download/plot.png?person=x").status == 400
