from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import clips
from metafacs.data.videos import Selection, Video, VideoError
from metafacs.inference.annotate import Annotator, Attendance, annotate_video, attendance_of
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults
from metafacs.inference.panels import FACE_COLOURS, PAPER
from metafacs.inference.result import FaceResult

Picture = NDArray[np.uint8]
Maker = Callable[..., Detector]
GREY = np.full((360, 640, 3), 120, np.uint8)


def face(person: int = 0, place: float = 100, side: float = 120, probability: float = 0.8) -> FaceResult:
    rng = np.random.default_rng(person)
    return FaceResult(
        "a.mp4",
        face_id=person,
        success=True,
        box=(place, 100, place + side, 100 + side),
        landmarks=rng.uniform((place, 100), (place + side, 100 + side), (68, 2)),
        probabilities=dict.fromkeys((1, 6, 12), probability),
    )


def frame(number: int, *faces: FaceResult) -> FrameResults:
    return FrameResults(number, number / 20, list(faces) or [FaceResult("a.mp4", number)])


def shares(picture: Picture) -> list[int]:
    return [int((picture == colour).all(2).sum()) for colour in FACE_COLOURS]


def status_of(annotator: Annotator, picture: Picture) -> bytes:
    foot = picture[-40:, : annotator.width // 3]
    return foot.tobytes()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.write_clip(tmp_path / "talk.mp4", clips.pictures_of(range(12)), sound=True)


def frames_of(path: Path) -> list[tuple[float, Picture]]:
    with av.open(str(path)) as container:
        return [(float(one.time), one.to_ndarray(format="rgb24")) for one in container.decode(video=0)]


def test_the_most_present_people_get_columns_and_keep_their_order() -> None:
    results = [frame(k, face(2), face(0, side=20), *([face(5)] if k < 3 else [])) for k in range(10)]
    assert attendance_of(results) == Attendance((0, 2, 5), 3, 1)
    assert attendance_of(results, most=1).people == (2,)
    assert attendance_of(results, most=2).people == (2, 5)
    passing = [frame(k, face(0), *([face(1)] if k == 7 else [])) for k in range(30)]
    assert attendance_of(passing) == Attendance((0,), 2, 1)
    assert attendance_of([frame(0), frame(1)]) == Attendance((), 0, 1)
    assert attendance_of([frame(0), frame(5), frame(10)]).step == 5


def test_a_frame_shows_video_panel_and_marks(make_detector: Maker) -> None:
    annotator = Annotator(640, 360, make_detector(), Attendance((0,), 1))
    before = GREY.copy()
    picture = annotator.draw(GREY, [face()])
    assert picture.shape == (annotator.height, annotator.width, 3)
    assert np.array_equal(GREY, before)
    assert np.array_equal(picture[:90, :640], GREY[:90])
    on_video = shares(picture[:360, :640])[0]
    assert on_video > 4 * 100
    assert shares(picture)[0] > on_video + 100
    assert sum(shares(picture)[1:]) == 0


def test_people_keep_their_colour_when_others_leave(make_detector: Maker) -> None:
    annotator = Annotator(640, 360, make_detector(), Attendance((0, 1), 2))
    both = shares(annotator.draw(GREY, [face(0), face(1, place=400)]))
    second = shares(annotator.draw(GREY, [face(1, place=400)]))
    assert second[0] == 0
    assert both[1] == second[1] > 0


def test_nothing_of_the_last_frame_is_left(make_detector: Maker) -> None:
    one, fresh = (Annotator(640, 360, make_detector(), Attendance((0, 1), 2)) for _ in range(2))
    one.draw(GREY, [face(0), face(1, place=500)], 3725.5, 98765)
    assert np.array_equal(one.draw(GREY, [face(1)], 1.5, 30), fresh.draw(GREY, [face(1)], 1.5, 30))


def test_people_without_a_column_are_marked_and_counted(make_detector: Maker) -> None:
    annotator = Annotator(640, 360, make_detector(), Attendance((0,), 9))
    picture = annotator.draw(GREY, [face(0), face(8, place=400)])
    assert not np.array_equal(picture[100:220, 400:520], GREY[100:220, 400:520])
    assert sum(shares(picture)[1:]) == 0
    alone = Annotator(640, 360, make_detector(), Attendance((0,), 1))
    assert not np.array_equal(alone.draw(GREY, [])[362:, 640:], annotator.draw(GREY, [])[362:, 640:])


def test_no_face_not_analysed_and_not_read_are_told_apart(make_detector: Maker) -> None:
    annotator = Annotator(640, 360, make_detector(), Attendance((0,), 1))
    seen = [
        status_of(annotator, annotator.draw(image, faces))
        for image, faces in ((GREY, [face()]), (GREY, []), (GREY, None), (None, None))
    ]
    assert len(set(seen)) == 4


def test_an_unreadable_frame_shows_the_last_picture_darker_without_marks(make_detector: Maker) -> None:
    annotator = Annotator(640, 360, make_detector(), Attendance((0,), 1))
    annotator.draw(None, None)
    annotator.draw(GREY, [face()])
    picture = annotator.draw(None, [face()])
    assert np.unique(picture[:360, :640]).tolist() == [54]
    assert sum(shares(picture)) == 0


def test_names_stand_at_the_faces(make_detector: Maker) -> None:
    plain, named = (
        Annotator(640, 360, make_detector(), Attendance((0,), 1), names) for names in (None, {0: "Ana"})
    )
    # One person alone needs no number.
    assert (plain.draw(GREY, [face()])[80:95, 100:140] == 120).all()
    assert shares(named.draw(GREY, [face()])[80:98, 100:140])[0] > 50


@pytest.mark.parametrize("size", [(180, 320), (1, 1), (1080, 1920), (640, 360), (2, 900), (77, 133)])
def test_any_size_and_any_place_of_a_face(size: tuple[int, int], make_detector: Maker) -> None:
    height, width = size
    annotator = Annotator(width, height, make_detector(), Attendance((0,), 1))
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    for box in (
        (0, 0, width, height),
        (-50, -50, 2 * width, 2 * height),
        (width - 1, height - 1, width, height),
    ):
        points = np.random.default_rng(1).uniform(box[:2], box[2:], (68, 2))
        result = FaceResult("", success=True, box=box, landmarks=points, probabilities={1: 1.0})
        assert annotator.draw(image, [result]).shape == (annotator.height, annotator.width, 3)


def test_a_picture_of_another_shape_is_fitted_in(make_detector: Maker) -> None:
    annotator = Annotator(640, 360, make_detector(), Attendance())
    picture = annotator.draw(np.full((400, 200, 3), 10, np.uint8), [])
    assert (picture[:360, 230:410] == 10).all()
    assert (picture[:360, :229] != 10).all()


def test_every_frame_is_written_at_its_time_with_the_sound(
    clip: Path, tmp_path: Path, make_detector: Maker
) -> None:
    results = [frame(k, face(place=5, side=20)) for k in range(12)]
    out, seen = tmp_path / "out" / "annotated.mp4", list[int]()
    written = annotate_video(Video(clip), results, out, make_detector(), advance=seen.append)
    assert written == 12
    assert seen == list(range(12))
    before, after = frames_of(clip), frames_of(out)
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=0.002)
    for number, (_, picture) in enumerate(after):
        assert clips.number_in(picture[300:470, :640]) == number
    with av.open(str(out)) as container:
        assert len(container.streams.audio) == 1
    assert [path.name for path in out.parent.iterdir()] == ["annotated.mp4"]


def test_a_variable_rate_is_kept(tmp_path: Path, make_detector: Maker) -> None:
    stamps = [0, 40, 80, 400, 410, 1000]
    clip = clips.write_clip(tmp_path / "phone.mp4", clips.pictures_of(range(6)), stamps=stamps)
    annotate_video(Video(clip), [frame(0)], tmp_path / "out.mp4", make_detector())
    times = [time for time, _ in frames_of(tmp_path / "out.mp4")]
    assert times == pytest.approx([stamp / 1000 for stamp in stamps], abs=0.002)


class _Shown(Annotator):
    """Keeps what it was asked to draw."""

    asked: list[tuple[int, list[FaceResult] | None]]

    def draw(  # type: ignore[override]
        self,
        image: Picture | None,
        faces: Sequence[FaceResult] | None,
        timestamp: float = 0.0,
        number: int = 0,
    ) -> Picture:
        type(self).asked.append((number, None if faces is None else list(faces)))
        return super().draw(image, faces, timestamp, number)


def test_a_result_is_shown_until_the_next_is_due(
    clip: Path, tmp_path: Path, make_detector: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Shown.asked = []
    monkeypatch.setattr("metafacs.inference.annotate.Annotator", _Shown)
    one, other = face(place=5, side=20), face(place=9, side=20)
    results = [frame(2, one), frame(5, other)]
    annotate_video(Video(clip), results, tmp_path / "out.mp4", make_detector())
    shown = [faces[0] if faces else None for _, faces in _Shown.asked]
    assert shown == [None, None, one, one, one, other, other, other, None, None, None, None]


def test_a_part_of_the_video(clip: Path, tmp_path: Path, make_detector: Maker) -> None:
    out = tmp_path / "out.mp4"
    part = Selection(start=0.2, end=0.4)
    assert annotate_video(Video(clip), [frame(4)], out, make_detector(), selection=part) == 4
    assert [clips.number_in(picture[300:470, :640]) for _, picture in frames_of(out)] == [4, 5, 6, 7]


def test_the_video_itself_is_never_overwritten(clip: Path, tmp_path: Path, make_detector: Maker) -> None:
    before = clip.read_bytes()
    with pytest.raises(VideoError, match="never overwritten"):
        annotate_video(Video(clip), [frame(0)], clip, make_detector())
    assert clip.read_bytes() == before


def test_results_that_can_be_read_once_are_refused(clip: Path, tmp_path: Path, make_detector: Maker) -> None:
    with pytest.raises(TypeError, match="twice"):
        annotate_video(Video(clip), iter([frame(0)]), tmp_path / "out.mp4", make_detector())


def test_nothing_half_written_is_left(clip: Path, tmp_path: Path, make_detector: Maker) -> None:
    class Broken(list[FrameResults]):
        def __iter__(self) -> Iterator[FrameResults]:
            yield frame(0)
            if attempts:
                raise OSError("the journal is gone")
            attempts.append(1)

    attempts: list[int] = []
    out = tmp_path / "out"
    with pytest.raises(OSError, match="journal"):
        annotate_video(Video(clip), Broken(), out / "annotated.mp4", make_detector())
    assert not list(out.glob("*"))
    with pytest.raises(VideoError, match="no frame"):
        annotate_video(Video(clip), [frame(0)], out / "a.mp4", make_detector(), selection=Selection(start=50))
    assert not list(out.glob("*"))


def test_the_foot_is_paper(make_detector: Maker) -> None:
    annotator = Annotator(640, 360, make_detector(), Attendance())
    assert tuple(annotator.draw(GREY, [])[-1, -1]) == PAPER
