"""How soon the page of ``metafacs app`` shows results, how it answers meanwhile, and what memory it takes.

Starts the app, opens its page in Chromium and drops a rendered clip of 640 x 360 pixels (*synthetic*) as a
user does. By the clock of the page: how long until the first face is drawn, and until the whole table can be
taken away. While the clip is analysed, keys are pressed, and the browser tells how long each waited before
the page took it (input delay) and until the screen showed what it did. Then clips are analysed one after the
other, and the memory of the server's processes after the first is compared with that after the last. Needs
Chromium, Playwright and Linux.

Example:
    python benchmarks/app.py
    python benchmarks/app.py --seconds 4 --jobs 5
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
from playwright.sync_api import Page, sync_playwright

from app_server import AppServer
from predict import make_clip

GOALS = {
    "first page, kB": 300.0,
    "first results, s": 2.0,
    "whole table, s": 30.0,
    "input delay, ms": 100.0,
    "memory gained, MiB": 100.0,
}
"""What each figure must stay under; those of time go for 60 s of video and two idle cores."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_JOB_SECONDS = 0.4

_WATCH = """() => {
  const found = { dropped: null, first: null, delays: [], shown: [] };
  window.found = found;
  document.addEventListener("change", (event) => {
    if (event.target.type === "file") found.dropped ??= performance.now();
  }, true);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (found.dropped === null || entry.startTime < found.dropped) continue;
      found.delays.push(entry.processingStart - entry.startTime);
      found.shown.push(entry.duration);
    }
  }).observe({ type: "event", durationThreshold: 16 });
  const look = () => {
    const drawn = [...document.querySelectorAll("main canvas")].some((canvas) => {
      if (!canvas.width || !canvas.height || !canvas.checkVisibility()) return false;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value, place) => place % 4 === 3 && value);
    });
    if (drawn) found.first = performance.now();
    else requestAnimationFrame(look);
  };
  look();
}"""


def to_h264(source: Path, path: Path) -> Path:
    """Encode a clip so that browsers play it."""
    if path.exists():
        return path
    with av.open(str(source)) as read, av.open(str(path), "w") as written:
        taken = read.streams.video[0]
        stream = written.add_stream("libx264", rate=taken.average_rate)
        stream.width, stream.height, stream.pix_fmt = taken.width, taken.height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "20"}
        for frame in read.decode(taken):
            written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
    return path


def memory_of(process: int) -> float:
    """Return the memory of a process and of those that it started, in MiB; shared pages count once."""
    folder = Path("/proc") / str(process)
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
        # Each thread has the processes that it started.
        children = [child for told in folder.glob("task/*/children") for child in told.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return own + sum(memory_of(int(child)) for child in children)


def measure_page(server: AppServer, page: Page, clip: Path) -> dict[str, float]:
    """Return the figures of the page while a clip is analysed."""
    sizes: list[float] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    page.goto(server.address)
    page.get_by_label("Choose files").wait_for(state="attached")
    page.wait_for_timeout(1000)
    first_page = sum(sizes) / 1000
    page.evaluate(_WATCH)
    page.get_by_label("Choose files").set_input_files(clip)
    file = ""
    while True:
        page.keyboard.press("Shift")
        page.wait_for_timeout(100)
        files = server.request("GET", "/api/session").document["files"]
        if files and files[0]["analysis"]["state"] not in ("waiting", "running"):
            file = files[0]["id"]
            break
    state = files[0]["analysis"]
    if state["state"] != "done":
        raise RuntimeError(f"the clip was not analysed: {state}")
    server.request("GET", f"/api/files/{file}/download/openface.csv")
    table = page.evaluate("performance.now()")
    page.wait_for_timeout(500)
    found: dict[str, Any] = page.evaluate("found")
    if found["first"] is None:
        raise RuntimeError("nothing was drawn on the page")
    return {
        "first page, kB": first_page,
        "first results, s": (found["first"] - found["dropped"]) / 1000,
        "whole table, s": (table - found["dropped"]) / 1000,
        # What took less than 16 ms in all is not told.
        "input delay, ms": max(found["delays"], default=0.0),
        "key to screen, ms": max(found["shown"], default=16.0),
    }


def measure_memory(server: AppServer, clip: Path, jobs: int) -> dict[str, float]:
    """Return the memory of the server after one job and after many, each looked at and taken away."""
    look_at(server, clip)
    after_one = memory_of(server.process.pid)
    for _ in range(jobs - 1):
        look_at(server, clip)
    after_all = memory_of(server.process.pid)
    return {
        "memory after one job, MiB": after_one,
        f"memory after {jobs} jobs, MiB": after_all,
        "memory gained, MiB": after_all - after_one,
    }


def look_at(server: AppServer, clip: Path) -> None:
    """Have a clip analysed, and ask for what the page asks for then, and for the table, events and a plot."""
    file = server.wait(server.upload(clip)["id"])["id"]
    wanted = ["timelines", "preview.jpg", "people/0.jpg", "rows?analysis=1"]
    wanted += [f"download/{name}" for name in ("openface.csv", "events.csv", "plot.png")]
    for what in wanted:
        answer = server.request("GET", f"/api/files/{file}/{what}")
        if answer.status != 200:
            raise RuntimeError(f"{what} was not given: {answer.status} {answer.body[:300]!r}")


def wait_until_ready(server: AppServer) -> None:
    while not server.request("GET", "/api/session").document["ready"]:
        time.sleep(0.05)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of the clip")
    parser.add_argument("--jobs", type=int, default=50, help="one after the other, to see the memory")
    parser.add_argument("--clips", type=Path, default=None, help="folder to keep the rendered clips")
    options = parser.parse_args(arguments)
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        parser.error(f"there is no browser: install one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = options.clips or Path(temporary)
        clips = [
            to_h264(
                make_clip(folder / f"app_{length:g}.mp4", 1, length / 2), folder / f"app_{length:g}_h264.mp4"
            )
            for length in (options.seconds, _JOB_SECONDS)
        ]
        begin = time.perf_counter()
        with AppServer(Path(temporary) / "page") as server:
            figures = {"start, s": time.perf_counter() - begin}
            wait_until_ready(server)
            figures["ready, s"] = time.perf_counter() - begin
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            figures |= measure_page(server, chromium.new_page(), clips[0])
            chromium.close()
        with AppServer(Path(temporary) / "memory") as server:
            figures |= measure_memory(server, clips[1], options.jobs)
    for name, value in figures.items():
        goal = f"  (under {GOALS[name]:g}: {'yes' if value < GOALS[name] else 'NO'})" if name in GOALS else ""
        print(f"{name:28}{value:9.2f}{goal}")
    rounded = {name: round(value, 3) for name, value in figures.items()}
    cores = len(os.sched_getaffinity(0))
    print(json.dumps({"benchmark": "app", "seconds": options.seconds, "cores": cores, "results": rounded}))


if __name__ == "__main__":
    main(sys.argv[1:])
