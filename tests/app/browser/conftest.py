"""The page of ``metafacs app`` in a real browser: one app and one Chromium for all tests of a process."""

from __future__ import annotations

import base64
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import clips

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response

# What starts the app is shared with the benchmarks, which are no package.
sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
from app_server import AppServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(sys.prefix) / "node_modules" / "axe-core" / "axe.min.js"
LIMIT_MB = 2
PATIENCE = 90_000
"""Milliseconds that a test waits for the page; much, as other tests run beside it."""

_DROP = """async (zone, files) => {
  const carried = new DataTransfer();
  for (const { name, type, text } of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    carried.items.add(new File([bytes], name, { type }));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}"""
_DRAWN = """(canvas) => {
  const { width, height } = canvas;
  if (!width || !height) return false;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  return data.some((value, place) => place % 4 === 3 && value);
}"""


class AppPage:
    """The page, as a user handles it, and what it must never do.

    Attributes:
        page: Of Playwright.
        server: That serves it.
        complaints: Errors and warnings of the browser, violations of the policy, answers that refuse.
        outside: Addresses that it asked elsewhere.
        refusals: HTTP statuses that this test brings about.
    """

    def __init__(self, page: Page, server: AppServer) -> None:
        self.page, self.server = page, server
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.refusals: tuple[int, ...] = ()
        own = (f"http://127.0.0.1:{server.port}/", f"ws://127.0.0.1:{server.port}/", "data:", "blob:")
        page.on("request", lambda made: made.url.startswith(own) or self.outside.append(made.url))
        page.on("websocket", lambda made: made.url.startswith(own) or self.outside.append(made.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.on("response", self._read)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (told) =>"
            " console.error(`policy: ${told.violatedDirective} ${told.blockedURI}`));"
        )

    def _hear(self, told: ConsoleMessage) -> None:
        # Of answers that refuse, the address is heard from the response.
        if told.type in ("error", "warning") and not told.text.startswith("Failed to load resource"):
            self.complaints.append(told.text)

    def _read(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.refusals:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def open(self) -> None:
        """Open the address that the command printed."""
        self.page.goto(self.server.address)
        self.page.get_by_role("heading", level=1).wait_for()
        self.page.get_by_label("Choose files").wait_for(state="attached")

    def choose(self, *paths: Path) -> None:
        """Give files to the file picker."""
        self.page.get_by_label("Choose files").set_input_files(paths)

    def drop(self, *paths: Path) -> None:
        """Let files fall onto the page."""
        kinds = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4"}
        carried = [
            {
                "name": path.name,
                "type": kinds.get(path.suffix, ""),
                "text": base64.b64encode(path.read_bytes()).decode(),
            }
            for path in paths
        ]
        self.page.locator("main").evaluate(_DROP, carried)

    def file(self, name: str) -> Locator:
        """Return the entry of a file in the list of files."""
        return self.page.get_by_role("list", name="Files").get_by_role("listitem").filter(has_text=name)

    def show(self, name: str) -> None:
        """Open the results of a file."""
        self.file(name).get_by_role("link").click()

    def is_drawn(self) -> bool:
        """Tell whether something is drawn over the picture or the video."""
        return bool(self.page.locator("main canvas").first.evaluate(_DRAWN))

    def wait_until(self, true: Callable[[], Any], what: str) -> None:
        """Wait until a function returns something true."""
        for _ in range(PATIENCE // 50):
            if true():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"still not so: {what}")

    @property
    def files(self) -> list[dict[str, Any]]:
        """What the server knows of files."""
        found: list[dict[str, Any]] = self.server.request("GET", "/api/session").document["files"]
        return found

    def wait_for_results(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many files were analysed; return what the server knows of them."""
        self.wait_until(
            lambda: [file["analysis"]["state"] for file in self.files].count("done") >= count,
            f"{count} files are analysed",
        )
        return self.files


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A folder with everything that is dropped: pictures, videos, and what is none."""
    folder = tmp_path_factory.mktemp("inputs")
    face = Image.fromarray(astronaut[:300, 60:360])
    face.save(folder / "photo.jpg", quality=92)
    for number in range(20):
        face.rotate(number, fillcolor=(90, 90, 90)).resize((200, 200)).save(folder / f"many{number:02d}.jpg")
    Image.fromarray(clips.picture_of(37, 320, 240)).save(folder / "wall.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
    (folder / "large.jpg").write_bytes(bytes((LIMIT_MB << 20) + 1))
    (folder / "letter.txt").write_text("Dear editor")
    moving = [np.asarray(face.crop((k, 0, k + 260, 260)).resize((320, 320))) for k in range(0, 40, 2)]
    course = moving + moving[::-1]
    clips.write_clip(folder / "session.mp4", course, rate=20, gop=10)
    clips.write_clip(
        folder / "long.mp4", course * 12, rate=20, gop=20, options={"preset": "ultrafast", "crf": "38"}
    )
    clips.write_clip(folder / "camera.mjpeg", course, codec="mjpeg", pixels="yuvj420p")
    clips.write_clip(folder / "old.avi", course[:10], rate=10, codec="mpeg4")
    return folder


# Playwright's event loop runs as long as these live; other modules have loops of their own.
@pytest.fixture(scope="module")
def browser(inputs: Path) -> Iterator[Browser]:
    """Chromium, with a camera that shows the clip."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install playwright"
    )
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"there is no browser: install one of {', '.join(BROWSERS)}")
    words = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={inputs / 'camera.mjpeg'}",
    ]
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=words)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app; it is not started where there is no browser."""
    with AppServer(
        tmp_path_factory.mktemp("app") / "ground", ["--upload_limit", str(LIMIT_MB / 1024)]
    ) as app:
        yield app
    assert not list(app.temporary.iterdir()), "the app has left files behind"
    assert "Traceback" not in app.said.read_text()


@pytest.fixture
def make_page(browser: Browser, server: AppServer) -> Iterator[Callable[..., AppPage]]:
    """Return a function that opens the page in a window of its own; its options are those of the window."""
    opened: list[AppPage] = []

    def make(**options: Any) -> AppPage:
        window = browser.new_context(permissions=["camera"], accept_downloads=True, **options)
        window.set_default_timeout(PATIENCE)
        app = AppPage(window.new_page(), server)
        opened.append(app)
        app.open()
        return app

    yield make
    for app in opened:
        app.page.context.close()
    server.request("DELETE", "/api/files")
    assert [app.outside for app in opened] == [[] for _ in opened], "asked elsewhere"
    assert [app.complaints for app in opened] == [[] for _ in opened]


@pytest.fixture
def app(make_page: Callable[..., AppPage]) -> AppPage:
    """The page, open and empty."""
    return make_page(viewport={"width": 1280, "height": 800})


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        pytest.skip(f"axe-core is not installed: npm install --prefix {sys.prefix} axe-core")
    return AXE.read_text(encoding="utf-8")
