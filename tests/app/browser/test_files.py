"""Files that are dropped: many, broken, too large, without a face; jobs, cancelled and after a reload."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import AppPage

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect


def test_a_dropped_picture_shows_its_action_units(app: AppPage, inputs: Path) -> None:
    app.drop(inputs / "photo.jpg")
    app.wait_for_results()
    bars = app.page.get_by_role("list", name="Action units of Face 0", exact=True)
    smile = bars.get_by_role("listitem").filter(has_text="AU12")
    expect(smile).to_contain_text("present")
    expect(bars.get_by_role("listitem").filter(has_text="AU4 ")).not_to_contain_text("present")
    app.wait_until(app.is_drawn, "the face is marked")


def test_a_dropped_video_is_drawn_over_and_has_a_timeline(app: AppPage, inputs: Path) -> None:
    app.drop(inputs / "session.mp4")
    expect(app.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()
    app.wait_for_results()
    expect(app.page.get_by_label("session.mp4", exact=True).and_(app.page.locator("video"))).to_be_visible()
    app.wait_until(app.is_drawn, "the face is marked")
    expect(app.page.get_by_role("list", name="People").get_by_role("listitem")).to_have_count(1)


def test_twenty_files_are_analysed_one_after_the_other(app: AppPage, inputs: Path) -> None:
    many = sorted(inputs.glob("many*.jpg"))
    app.choose(*many)
    app.wait_for_results(20)
    assert sorted(file["name"] for file in app.files) == [path.name for path in many]
    for path in many:
        expect(app.file(path.name)).to_have_count(1)


def test_what_is_no_picture_says_so_and_harms_no_other_file(app: AppPage, inputs: Path) -> None:
    # There is no preview of it.
    app.refusals = (409,)
    app.choose(inputs / "broken.jpg", inputs / "photo.jpg")
    app.wait_for_results()
    app.show("broken.jpg")
    expect(app.page.get_by_role("alert").filter(has_text="broken.jpg")).to_be_visible()
    assert [file["analysis"]["state"] for file in app.files] == ["failed", "done"]


def test_a_format_that_is_not_read_is_refused_with_those_that_are(app: AppPage, inputs: Path) -> None:
    app.refusals = (415,)
    app.drop(inputs / "letter.txt")
    told = app.page.get_by_role("alert").filter(has_text="letter.txt")
    expect(told).to_contain_text(".mp4")
    assert app.files == []
    app.page.get_by_role("button", name="Put away what is said of letter.txt").click()
    expect(told).to_have_count(0)
    expect(app.file("letter.txt")).to_have_count(0)


def test_a_file_over_the_limit_is_refused(app: AppPage, inputs: Path) -> None:
    app.choose(inputs / "large.jpg")
    expect(app.page.get_by_role("alert").filter(has_text="large.jpg")).to_contain_text("--upload_limit")
    assert app.files == []
    assert sum(path.stat().st_size for path in app.server.temporary.rglob("*") if path.is_file()) < 1 << 20


def test_a_picture_without_a_face_says_what_to_do(app: AppPage, inputs: Path) -> None:
    app.choose(inputs / "wall.png")
    app.wait_for_results()
    expect(app.page.locator("main")).to_contain_text(re.compile("no face", re.IGNORECASE))


def test_a_video_that_the_browser_cannot_play_is_shown_frame_by_frame(app: AppPage, inputs: Path) -> None:
    app.choose(inputs / "old.avi")
    app.wait_for_results()
    expect(app.page.get_by_role("img", name="old.avi")).to_be_visible()
    expect(app.page.locator("main")).to_contain_text(re.compile("cannot play", re.IGNORECASE))
    expect(app.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()


def test_an_analysis_is_cancelled_and_the_next_one_goes_on(app: AppPage, inputs: Path) -> None:
    app.choose(inputs / "long.mp4")
    app.wait_until(
        lambda: app.files and app.files[0]["analysis"]["frames_done"] > 0, "the analysis has begun"
    )
    app.page.get_by_role("button", name="Cancel long.mp4").click()
    app.wait_until(lambda: app.files[0]["analysis"]["state"] == "cancelled", "the analysis is cancelled")
    expect(app.file("long.mp4")).to_contain_text("cancelled")
    assert 0 < app.files[0]["analysis"]["frames_done"] < 480
    app.choose(inputs / "photo.jpg")
    assert [file["analysis"]["state"] for file in app.wait_for_results()] == ["cancelled", "done"]


def test_a_reload_during_a_job_loses_nothing(app: AppPage, inputs: Path) -> None:
    app.choose(inputs / "photo.jpg", inputs / "long.mp4")
    app.wait_until(
        lambda: len(app.files) == 2 and app.files[1]["analysis"]["frames_done"] > 0, "the job runs"
    )
    before = app.files[1]["analysis"]
    app.page.reload()
    expect(app.page.get_by_role("progressbar", name="Progress of long.mp4").first).to_be_visible()
    expect(app.file("photo.jpg")).to_have_count(1)
    app.show("long.mp4")
    expect(app.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()
    after = app.files[1]["analysis"]
    assert (after["id"], after["job"]) == (before["id"], before["job"])
    assert after["frames_done"] >= before["frames_done"]


def test_a_file_is_removed_from_the_disk(app: AppPage, inputs: Path) -> None:
    content = (inputs / "photo.jpg").read_bytes()

    def copies() -> list[Path]:
        paths = [path for path in app.server.temporary.rglob("*") if path.is_file()]
        return [path for path in paths if path.stat().st_size == len(content)]

    app.choose(inputs / "photo.jpg")
    app.wait_for_results()
    assert [path.read_bytes() for path in copies()] == [content]
    app.page.get_by_role("button", name="Remove photo.jpg").click()
    app.wait_until(lambda: not copies(), "the picture is gone")
    expect(app.file("photo.jpg")).to_have_count(0)
