"""What is done with results: seeking, naming, taking tables away, the camera."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from metafacs.cli import main
from metafacs.data.videos import Video

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

    from conftest import AppPage

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect


NO_CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
}"""


ANOTHER_MODEL = """async () => {
  const { session } = await import("/page/session.js");
  session.models.push({ ...session.models[0], id: "m1", name: "another" });
  session.choice = { model: "m1", person: null };
}"""


@pytest.fixture
def video(app: AppPage, inputs: Path) -> AppPage:
    """The page with an analysed video of two seconds."""
    app.choose(inputs / "session.mp4")
    app.wait_for_results()
    expect(app.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()
    return app


def test_a_click_on_the_timeline_seeks(video: AppPage) -> None:
    plot = video.page.get_by_role("region", name="Timeline of Person 0").locator(".u-over")
    place = plot.bounding_box()
    assert place is not None
    shown = video.page.locator("video")
    for share in (0.25, 0.75):
        video.page.mouse.click(place["x"] + share * place["width"], place["y"] + 20)
        video.wait_until(partial(is_at, shown, 2 * share), f"{share:.0%} of the video")
        video.wait_until(video.is_drawn, "the face is marked")


def is_at(shown: Locator, seconds: float) -> bool:
    return abs(shown.evaluate("(video) => video.currentTime") - seconds) < 0.1


def test_the_keys_of_a_timeline_seek_by_frames(video: AppPage) -> None:
    slider = video.page.get_by_role("region", name="Timeline of Person 0").get_by_role("slider")
    slider.focus()
    shown = video.page.locator("video")
    for key, seconds in (("End", 1.95), ("Home", 0.0)):
        video.page.keyboard.press(key)
        video.wait_until(partial(is_at, shown, seconds), f"{seconds} s")
    for _ in range(5):
        video.page.keyboard.press("ArrowRight")
    video.wait_until(partial(is_at, shown, 0.25), "the sixth frame")


def test_the_page_says_how_values_at_the_playhead_are_smoothed(video: AppPage) -> None:
    values = video.page.locator("section").filter(has=video.page.get_by_role("list", name="Action units of"))
    expect(values.first).to_contain_text("smoothed over 0.1 s")
    video.page.get_by_label("Smoothing").select_option("0")
    expect(values.first).not_to_contain_text("smoothed")


def test_a_long_video_is_drawn_thinned_and_its_values_are_those_of_the_frame(
    app: AppPage, inputs: Path
) -> None:
    # Two seconds over 16 columns stand for an hour over 1024.
    app.page.route("**/timelines", lambda made: made.continue_(url=f"{made.request.url}?columns=16"))
    app.choose(inputs / "session.mp4")
    (file,) = app.wait_for_results()
    plot = app.page.get_by_role("region", name="Timeline of Person 0")
    plot.get_by_role("slider").focus()
    for _ in range(5):
        app.page.keyboard.press("ArrowRight")
    wanted = app.server.request("GET", f"/api/files/{file['id']}/timelines?begin=0&end=9000").document
    assert wanted["exact"]
    (person,) = wanted["people"]
    aus = [au for au in file["analysis"]["aus"] if au not in file["analysis"]["experimental"]]
    values = [f"{person['p'][str(au)][5]:.2f}" for au in aus]
    shown = plot.locator(".values .row:not(.pale)")
    app.wait_until(lambda: shown.all_text_contents()[: len(aus)] == values, "the values of frame 5")


def test_people_are_named_and_hidden(video: AppPage) -> None:
    video.page.get_by_role("textbox", name="Name of Person 0").fill("Eileen <b>")
    video.page.keyboard.press("Enter")
    expect(video.page.get_by_role("region", name="Timeline of Eileen <b>")).to_be_visible()
    video.page.reload()
    video.show("session.mp4")
    expect(video.page.get_by_role("region", name="Timeline of Eileen <b>")).to_be_visible()
    video.page.get_by_role("checkbox", name="Show Person 0").uncheck()
    expect(video.page.get_by_role("region", name="Timeline of Eileen <b>")).to_have_count(0)


@pytest.fixture
def changes(video: AppPage) -> list[Route]:
    """Changes of settings on their way to the server, kept back until a test lets them go."""
    kept: list[Route] = []
    video.page.route(
        "**/api/files/*",
        lambda route: kept.append(route) if route.request.method == "PATCH" else route.fallback(),
    )
    return kept


def test_changes_stand_while_the_server_is_slow(video: AppPage, changes: list[Route]) -> None:
    shown = video.page.get_by_role("checkbox", name="Show Person 0")
    shown.uncheck()
    video.page.get_by_role("textbox", name="Name of Person 0").fill("Eileen")
    video.page.keyboard.press("Enter")
    # What the server tells meanwhile knows neither.
    place = f"/api/files/{video.files[0]['id']}"
    assert video.server.request("PATCH", place, {"smoothing": 1.0}).document["settings"]["hidden"] == []
    expect(video.page.get_by_label("Smoothing")).to_have_value("1")
    expect(shown).not_to_be_checked()
    expect(video.page.get_by_role("region", name="Timeline of")).to_have_count(0)
    for _ in range(2):
        video.wait_until(lambda: changes, "a change is on its way")
        assert len(changes) == 1, "one after the other"
        changes.pop().continue_()
    video.wait_until(lambda: video.files[0]["settings"]["names"] == {"0": "Eileen"}, "it is named")
    assert video.files[0]["settings"]["hidden"] == [0]
    shown.check()
    video.wait_until(lambda: changes, "the third change is on its way")
    changes.pop().continue_()
    expect(video.page.get_by_role("region", name="Timeline of Eileen")).to_be_visible()


def test_a_change_that_is_refused_is_taken_back(video: AppPage, changes: list[Route]) -> None:
    video.refusals = (400,)
    shown = video.page.get_by_role("checkbox", name="Show Person 0")
    shown.uncheck()
    expect(shown).not_to_be_checked()
    video.wait_until(lambda: changes, "the change is on its way")
    changes.pop().fulfill(status=400, json={"error": "not today"})
    expect(shown).to_be_checked()
    expect(video.page.get_by_text("not today")).to_be_visible()
    expect(video.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()


def test_the_table_of_events_follows_the_smoothing(video: AppPage) -> None:
    heading = video.page.get_by_role("heading", name="Events", level=2)
    table = video.page.locator("section").filter(has=heading)
    expect(table).to_contain_text("moving median of 0.1 s")
    kept: list[Route] = []
    video.page.route("**/timelines", lambda route: kept.append(route))
    video.page.get_by_label("Smoothing").select_option("1")
    video.wait_until(lambda: kept, "the curves are asked for")
    # Until they come, the page is drawn once more.
    video.page.get_by_role("radio", name="Strips").check()
    expect(video.page.locator(".plot.strips")).to_be_visible()
    kept.pop().continue_()
    expect(table).to_contain_text("moving median of 1 s")


def test_without_intensities_events_have_their_probability(app: AppPage, inputs: Path) -> None:
    def without_intensities(route: Route) -> None:
        told = route.fetch().json()
        told["events"] = [each | {"peak_intensity": None} for each in told["events"]]
        route.fulfill(json=told)

    app.page.route("**/timelines", without_intensities)
    app.choose(inputs / "session.mp4")
    app.wait_for_results()
    expect(app.page.get_by_role("columnheader").last).to_have_text("Peak probability")
    expect(app.page.get_by_role("cell").last).to_have_text(re.compile(r"0\.\d\d|1\.00"))


def test_the_frame_that_gets_labels_is_shown(video: AppPage) -> None:
    # Of those at 0 and 1 s, which are read, the second. Rows of before may be asked for once more.
    video.refusals = (409,)
    place = f"/api/files/{video.files[0]['id']}"
    assert video.server.request("POST", f"{place}/analyse", {"fps": 1}).status == 202
    video.wait_for_results()
    video.page.get_by_role("region", name="Timeline of Person 0").get_by_role("slider").focus()
    video.page.keyboard.press("End")
    shown = video.page.locator("video")
    video.wait_until(partial(is_at, shown, 1.95), "the end")
    video.page.get_by_text("Fit the model to one person").click()
    video.page.get_by_role("button", name="Label this frame").click()
    expect(video.page.get_by_role("list", name="Labelled moments")).to_contain_text("0:01.00")
    video.wait_until(partial(is_at, shown, 1.0), "the frame that was read")


def test_what_became_of_a_fit_is_there_after_a_reload(video: AppPage) -> None:
    video.page.get_by_text("Fit the model to one person").click()
    video.page.get_by_role("button", name="Label this frame").click()
    video.page.get_by_role("radio", name="present").first.check()
    video.page.get_by_role("button", name="Fit", exact=True).click()
    told = video.page.get_by_role("alert").filter(has_text="too few labels")
    expect(told).to_be_visible()
    video.page.reload()
    video.page.get_by_text("Fit the model to one person").click()
    expect(told).to_be_visible()


@pytest.fixture(scope="session")
def predicted(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``metafacs predict`` writes for the video and the picture, in the folder they lie in."""
    out = tmp_path_factory.mktemp("predicted")
    video = ["session.mp4", "--events", "--elan", "--boris", "--plot", "--overlay", "true"]
    runs = {"openface": video, "fex": ["session.mp4", "--format", "fex"], "photo": ["photo.jpg"]}
    for name, words in runs.items():
        (out / name).mkdir()
        shutil.copy(inputs / words[0], out / name)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(out / name)
            assert main(["predict", *words, "--out", ".", "--quiet"]) == 0
    return out


def downloaded(app: AppPage, name: str) -> bytes:
    with app.page.expect_download() as found:
        app.page.get_by_role("region", name="Downloads").get_by_role("link", name=name).click()
    return Path(found.value.path()).read_bytes()


def undated(content: bytes) -> bytes:
    """Leave out when an ELAN file was written."""
    return re.sub(rb'(<ANNOTATION_DOCUMENT [^>]*DATE=)"[^"]*"', rb"\1", content)


def test_downloads_of_a_video_are_what_predict_writes(
    video: AppPage, predicted: Path, tmp_path: Path
) -> None:
    for name, written in {
        "OpenFace CSV": "openface/session.csv",
        "Py-Feat CSV": "fex/session.csv",
        "Events CSV": "openface/session_events.csv",
        "ELAN": "openface/session.eaf",
        "BORIS": "openface/session_boris.csv",
        "Plot PNG": "openface/session_plot.png",
        "Plot SVG": "openface/session_plot.svg",
    }.items():
        found, wanted = downloaded(video, name), (predicted / written).read_bytes()
        assert undated(found) == undated(wanted), name
    video.page.get_by_role("button", name="Make the annotated video").click()
    (tmp_path / "annotated.mp4").write_bytes(downloaded(video, "Annotated video"))
    # libx264 reads memory that nobody wrote, so that its bytes are never the same twice.
    found, wanted = (
        np.stack([frame.image for frame in Video(path).frames()]).astype(np.float32)
        for path in (tmp_path / "annotated.mp4", predicted / "openface/session_overlay.mp4")
    )
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 0.5


def test_downloads_of_a_picture_are_what_predict_writes(app: AppPage, inputs: Path, predicted: Path) -> None:
    app.choose(inputs / "photo.jpg")
    app.wait_for_results()
    assert downloaded(app, "OpenFace CSV") == (predicted / "photo/faces.csv").read_bytes()
    assert downloaded(app, "Annotated picture") == (predicted / "photo/photo_overlay.png").read_bytes()


def test_the_camera_is_analysed_live_and_its_table_is_kept(app: AppPage) -> None:
    app.page.get_by_role("button", name="Open camera").click()
    expect(app.page.get_by_role("list", name="Action units of Person 0", exact=True)).to_contain_text("AU12")
    app.wait_until(app.is_drawn, "the face is marked")
    app.page.get_by_role("button", name="Record", exact=True).click()
    expect(app.page.locator("main")).to_contain_text("recording, 0:0")
    screen, times = app.page.locator("main [data-time]"), set()
    while len(times) < 8:
        times.add(screen.get_attribute("data-time"))
        app.page.wait_for_timeout(20)
    app.page.get_by_role("button", name="Stop recording").click()
    app.wait_until(lambda: [file["kind"] for file in app.files] == ["camera"], "the recording is there")
    app.page.get_by_role("link", name="Show it").click()
    rows = downloaded(app, "OpenFace CSV").decode().splitlines()
    assert len(rows) > 5
    assert rows[0].startswith("frame,face_id,timestamp")


def test_the_camera_names_the_model_that_reads_it(app: AppPage) -> None:
    app.page.get_by_role("button", name="Open camera").click()
    expect(app.page.get_by_role("list", name="Action units of Person 0", exact=True)).to_contain_text("AU12")
    app.page.evaluate(ANOTHER_MODEL)
    app.page.get_by_role("button", name="Record", exact=True).click()
    facts = app.page.get_by_role("article").locator(".facts")
    expect(facts).to_contain_text("recording, 0:0")
    expect(facts).to_contain_text("metafacs people detector")


def test_without_a_camera_the_page_says_so(app: AppPage) -> None:
    app.page.context.clear_permissions()
    app.page.evaluate(NO_CAMERA)
    app.page.get_by_role("button", name="Open camera").click()
    expect(app.page.get_by_role("alert")).to_contain_text("camera")
