"""Whose face is meant in a person's pictures, and which of them count once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import clips
from metafacs.checkpoints.description import Framing
from metafacs.faces.alignment import AlignmentSpec, align
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tensors import to_tensor
from metafacs.personalisation.support import SupportError, read_support
from metafacs.personalisation.support_faces import SupportFaces, cut_faces

Picture = NDArray[np.uint8]
FRAMING = Framing(32, 36, AlignmentSpec())
LIGHTS = (1, 0.84, 0.92)


@pytest.fixture
def faces_of(tmp_path: Path) -> Callable[..., SupportFaces]:
    """Return a function that writes pictures and their list and cuts the faces: name -> (picture, label)."""

    def cut(pictures: dict[str, tuple[Picture, str]]) -> SupportFaces:
        for name, (picture, _) in pictures.items():
            Image.fromarray(picture).save(tmp_path / name)
        lines = [f"{name},{label}\n" for name, (_, label) in pictures.items()]
        (tmp_path / "support.csv").write_text("picture,AU12,AU4\n" + "".join(lines))
        return cut_faces(read_support(tmp_path / "support.csv"), FRAMING)

    return cut


@pytest.fixture(scope="module")
def others() -> list[Picture]:
    """Return portraits of rendered people."""
    folder = files("metafacs.inference").joinpath("assets")
    size = json.loads(folder.joinpath("resting_faces.json").read_text())["size"]
    with folder.joinpath("resting_faces.jpg").open("rb") as file:
        sheet = np.array(Image.open(file).convert("RGB"))
    portraits = [sheet[:size, left : left + size] for left in range(0, sheet.shape[1], size)]
    return [np.asarray(Image.fromarray(one).resize((360, 360))) for one in portraits[:4]]


def lit(picture: Picture, light: float) -> Picture:
    return np.clip(picture.astype(float) * light, 0, 255).astype(np.uint8)


def beside(left: Picture, right: Picture) -> Picture:
    height = max(len(left), len(right))
    scene = np.full((height, left.shape[1] + right.shape[1], 3), 90, np.uint8)
    scene[: len(left), : left.shape[1]] = left
    scene[: len(right), left.shape[1] :] = right
    return scene


def expected(picture: Picture, place: int) -> torch.Tensor:
    crop, _ = align(picture, find_faces(picture)[place].landmarks, 36, AlignmentSpec())
    return to_tensor(crop[None, 2:34, 2:34])[0]


def test_pictures_and_frames_are_cut_as_training_cuts(
    listed: Callable[[str], Path], tmp_path: Path, astronaut: Picture
) -> None:
    Image.fromarray(astronaut).save(tmp_path / "a.png")
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 512, 512, "bgr0"
        for picture in (np.zeros_like(astronaut), astronaut):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    support = read_support(listed("picture,frame,AU12\nv.mkv,1,1\na.png,,1\n"))
    faces = cut_faces(support, FRAMING)
    crop, _ = align(astronaut, find_faces(astronaut)[0].landmarks, 36, AlignmentSpec())
    expected = to_tensor(crop[None, 2:34, 2:34])
    assert torch.equal(faces.images, expected)
    assert faces.notes == ("1 pictures are copies of others and count once: line 3 (as line 2)",)
    dark = (astronaut * 0.7).astype(np.uint8)
    Image.fromarray(dark).save(tmp_path / "a.png")
    faces = cut_faces(support, FRAMING)
    assert faces.images.shape == (2, 3, 32, 32)
    assert torch.equal(faces.images[:1], expected)
    crop, _ = align(dark, find_faces(dark)[0].landmarks, 36, AlignmentSpec())
    assert torch.equal(faces.images[1:], to_tensor(crop[None, 2:34, 2:34]))


def test_every_unusable_picture_is_named_at_once(
    listed: Callable[[str], Path], tmp_path: Path, astronaut: Picture
) -> None:
    Image.new("RGB", (90, 90), "white").save(tmp_path / "wall.png")
    Image.fromarray(astronaut).save(tmp_path / "fine.png")
    text = "picture,frame,AU12\nnone.jpg,,1\nfine.png,,1\nwall.png,,0\nnone.mp4,3,1\n"
    with pytest.raises(SupportError, match="3 pictures of") as caught:
        cut_faces(read_support(listed(text)), FRAMING)
    message = str(caught.value)
    assert [f"line {n}" in message for n in (2, 3, 4, 5)] == [True, False, True, True]
    assert "no face found" in message
    assert "does not exist" in message


def test_a_damaged_frame_spoils_no_other(
    listed: Callable[[str], Path], tmp_path: Path, astronaut: Picture
) -> None:
    whole = clips.write_clip(tmp_path / "whole.mp4", [astronaut[::2, ::2]] * 4, gop=1)
    clips.damage(whole, tmp_path / "v.mp4", [1])
    text = "picture,frame,AU12\nv.mp4,0,1\nv.mp4,1,1\nv.mp4,3,1\n"
    with pytest.raises(SupportError, match="1 pictures of") as caught:
        cut_faces(read_support(listed(text)), FRAMING)
    assert "line 3: frame 1 of" in str(caught.value)
    assert "cannot be decoded" in str(caught.value)
    faces = cut_faces(read_support(listed(text.replace("v.mp4,1,1\n", ""))), FRAMING)
    assert faces.images.shape[1:] == (3, 32, 32)


def test_of_several_faces_the_participants_is_taken(
    faces_of: Callable[..., SupportFaces], astronaut: Picture, others: list[Picture]
) -> None:
    portrait = astronaut[:260, 90:350]
    scene = beside(lit(portrait, 0.8), others[0])
    found = find_faces(scene)
    assert len(found) == 2
    mine = 0 if found[0].box[0] < 260 else 1
    assert mine == 1, "the other face is the larger one"
    faces = faces_of(
        {
            "a.png": (portrait, "1,"),
            "b.png": (lit(portrait, 0.9), "0,"),
            "two.png": (scene, "1,"),
        }
    )
    assert torch.equal(faces.images[2], expected(scene, mine))
    assert faces.notes == (
        "1 pictures show several faces; the one most like those of the other pictures was taken, which is "
        "not the largest: line 4",
    )


def test_a_face_whose_place_is_given_is_taken(
    tmp_path: Path, astronaut: Picture, others: list[Picture]
) -> None:
    me = astronaut[:360, 60:420]
    picture = beside(me, others[0])
    Image.fromarray(picture).save(tmp_path / "two.png")
    (tmp_path / "support.csv").write_text("picture,AU12\ntwo.png,1\n")
    support = read_support(tmp_path / "support.csv")
    for face in find_faces(picture):
        row = replace(support.rows[0], box=tuple(edge + 3 for edge in face.box))
        found = cut_faces(replace(support, rows=(row,)), FRAMING)
        crop, _ = align(picture, face.landmarks, 36, FRAMING.alignment)
        assert torch.equal(found.images[0], to_tensor(crop[None, 2:-2, 2:-2])[0])
    away = replace(support, rows=(replace(support.rows[0], box=(0.0, 0.0, 9.0, 9.0)),))
    with pytest.raises(SupportError, match="no face found"):
        cut_faces(away, FRAMING)


def test_the_person_is_who_is_in_every_picture(
    faces_of: Callable[..., SupportFaces], astronaut: Picture, others: list[Picture]
) -> None:
    portrait = astronaut[:260, 90:350]
    scenes = [beside(lit(portrait, light), other) for light, other in zip(LIGHTS, others, strict=False)]
    faces = faces_of({f"{i}.png": (scene, str(i % 2) + ",") for i, scene in enumerate(scenes)})
    for i, scene in enumerate(scenes):
        mine = next(k for k, face in enumerate(find_faces(scene)) if face.box[0] < 260)
        assert torch.equal(faces.images[i], expected(scene, mine))
    assert faces.notes[0].endswith("not the largest: line 2, 3, 4")


def test_faces_that_nothing_tells_apart_are_refused_by_name(
    faces_of: Callable[..., SupportFaces], others: list[Picture]
) -> None:
    scene = beside(others[0], others[1])
    with pytest.raises(
        SupportError, match=r"line 2: two\.png shows 2 faces, and the other pictures do not tell"
    ):
        faces_of({"two.png": (scene, "1,")})


def test_a_small_bystander_does_not_matter(
    faces_of: Callable[..., SupportFaces], others: list[Picture]
) -> None:
    small = np.asarray(Image.fromarray(others[1]).resize((150, 150)))
    faces = faces_of({"two.png": (beside(others[0], small), "1,")})
    assert faces.notes == ("1 pictures show several faces; the largest by far was taken: line 2",)


def test_a_stranger_is_doubted(
    faces_of: Callable[..., SupportFaces], astronaut: Picture, others: list[Picture]
) -> None:
    portrait = astronaut[:260, 90:350]
    pictures = {f"{i}.png": (lit(portrait, light), "1,") for i, light in enumerate(LIGHTS)}
    assert faces_of({**pictures, "x.png": (others[0], "1,")}).notes == (
        "line 5: the face in x.png is like none of the others; is it the person's?",
    )


def test_copies_of_a_picture_count_once(faces_of: Callable[..., SupportFaces], astronaut: Picture) -> None:
    photo, dark = astronaut[:300, 60:360], lit(astronaut[:300, 60:360], 0.8)
    small = np.asarray(Image.fromarray(photo).resize((200, 200)))
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=40)
    faces = faces_of(
        {
            "a.png": (photo, "1,"),
            "same.png": (photo, ",0"),
            "small.png": (small, "1,"),
            "again.png": (np.asarray(Image.open(buffer)), "1,"),
            "dark.png": (dark, "0,"),
        }
    )
    assert torch.equal(faces.images, torch.stack([expected(photo, 0), expected(dark, 0)]))
    np.testing.assert_equal(faces.labels, [[0, 1], [np.nan, 0]])
    assert len(set(faces.groups.tolist())) == 2
    assert faces.notes == (
        "3 pictures are copies of others and count once: line 3 (as line 2), line 4 (as line 2), line 5 (as "
        "line 2)",
    )


def test_copies_with_other_labels_are_refused_or_doubted(
    faces_of: Callable[..., SupportFaces], astronaut: Picture
) -> None:
    photo = astronaut[:300, 60:360]
    with pytest.raises(SupportError, match="lines 2 and 3 are the same picture with other labels"):
        faces_of({"a.png": (photo, "1,"), "same.png": (photo, "0,")})
    small = np.asarray(Image.fromarray(photo).resize((200, 200)))
    faces = faces_of({"a.png": (photo, "1,"), "small.png": (small, "0,")})
    assert len(faces.images) == 2
    assert len(set(faces.groups.tolist())) == 1, "never on both sides of a check"
    assert "lines 2 and 3 look like the same picture but have other labels" in faces.notes[0]


def test_other_cuts_and_mirrors_are_one_moment(
    faces_of: Callable[..., SupportFaces], astronaut: Picture
) -> None:
    photo = astronaut[:300, 60:360]
    faces = faces_of(
        {
            "a.png": (photo, "1,"),
            "cut.png": (photo[20:, 20:], "1,"),
            "mirror.png": (np.ascontiguousarray(photo[:, ::-1]), "1,"),
            "dark.png": (lit(photo, 0.5), "0,"),
        }
    )
    assert len(faces.images) == 4
    first, cut, mirror, dark = faces.groups.tolist()
    assert first == cut == mirror != dark
