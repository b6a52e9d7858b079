"""Personalise from the page: marked frames and labels in, before and after out, and used from then on."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafacs.app import fitting
from metafacs.personalisation.support import Support
from serving import Client


@pytest.fixture(scope="module")
def album(astronaut: np.ndarray) -> list[bytes]:
    """Photos of an astronaut in two lights by turns."""
    photo = astronaut[:300, 60:360].astype(float)
    pictures = []
    for number in range(8):
        light = 0.55 if number % 2 else 1.0
        content = io.BytesIO()
        shade = np.clip(photo * (light + 0.02 * number), 0, 255).astype(np.uint8)
        Image.fromarray(shade).save(content, "PNG")
        pictures.append(content.getvalue())
    return pictures


def test_a_new_au_is_fitted_and_used_as_the_command_does(
    client: Client,
    album: list[bytes],
    untrained_model: Path,
    predict: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [client.analysed(f"{number}.png", content) for number, content in enumerate(album)]
    labels = [
        {"file": file["id"], "frame": None, "box": [60, 60, 240, 240], "aus": {"6": number % 2}}
        for number, file in enumerate(files)
    ]
    job = client.post("/api/personalise", {"name": "Eileen", "labels": labels}).json
    job = client.wait_for_job(job["id"])
    assert job["state"] == "done", job["error"]
    (person,) = [each for each in client.get("/api/session").json["people"] if each["id"] == job["person"]]
    assert (person["name"], person["aus"]) == ("Eileen", [6])
    assert person["outcomes"][0]["balanced"] == [None, 1.0]
    place = f"/api/files/{files[3]['id']}"
    assert client.post(f"{place}/analyse", {"person": person["id"]}).status == 202
    assert client.wait(files[3]["id"])["analysis"]["aus"] == [1, 4, 6, 12]
    (tmp_path / "3.png").write_bytes(album[3])
    (tmp_path / "me.safetensors").write_bytes(client.get(f"/api/people/{person['id']}.safetensors").body)
    assert predict("3.png", "--person", "me.safetensors", "--overlay", "false", "--out", ".") == 0
    table = client.get(f"{place}/download/openface.csv").body
    assert table == (tmp_path / "faces.csv").read_bytes()
    assert pd.read_csv(io.BytesIO(table))["AU06_c"].tolist() == [1]


def test_what_is_said_of_a_picture_names_that_one(
    client: Client, photo: bytes, untrained_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [client.analysed(name, photo) for name in ("a.png", "b.png")]
    paths = [client.server.session.file(file["id"]).path for file in files]
    labels = [
        {"path": str(path), "name": file["name"], "frame": None, "box": None, "aus": {"6": 1}}
        for path, file in zip(paths, files, strict=True)
    ]

    def refusing(checkpoint: object, support: Support, *, device: str) -> None:
        raise ValueError(f"line 2: the face in {support.rows[1].picture.name} is like none of the others")

    monkeypatch.setattr(fitting, "fit_support", refusing)
    with pytest.raises(ValueError, match=r"the face in b\.png is"):
        fitting.fit_person(str(untrained_model), labels, tmp_path / "me.safetensors", "cpu")


def test_what_cannot_be_fitted_is_told(client: Client, photo: bytes, short_clip: Path) -> None:
    picture, video = client.analysed("me.png", photo), client.analysed("clip.mp4", short_clip)

    def refused(label: dict[str, object], **more: object) -> str:
        answer = client.post("/api/personalise", {"name": "x", "labels": [label], **more})
        assert answer.status == 400
        return answer.error

    assert "frame" in refused({"file": picture["id"], "frame": 3, "aus": {"6": 1}})
    assert "frame" in refused({"file": video["id"], "frame": None, "aus": {"6": 1}})
    assert refused({"file": picture["id"], "aus": {"6": 2}})
    assert refused({"file": picture["id"], "aus": {}})
    assert refused({"file": picture["id"], "aus": {"6": 1}}, model="m5")
    assert (
        client.post(
            "/api/personalise", {"name": "x", "labels": [{"file": "nothing", "aus": {"6": 1}}]}
        ).status
        == 404
    )
    for label, said in (
        ({"file": video["id"], "frame": 3, "aus": {"6": 1}}, "too few labels"),
        ({"file": video["id"], "frame": 99, "aus": {"6": 1}}, "clip.mp4"),
        (
            {"file": video["id"], "frame": 3, "box": [0, 0, 9, 9], "aus": {"6": 1}},
            "no face found in clip.mp4",
        ),
    ):
        job = client.wait_for_job(
            client.post("/api/personalise", {"name": "x", "labels": [label]}).json["id"]
        )
        assert job["state"] == "failed"
        assert said in job["error"]
        assert "metafacs-app" not in job["error"]
