"""The page for everybody: by keyboard, for screen readers, small, large, light and dark; light to load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import AppPage

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
MOST_KB = 300
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = """() => {
  const at = document.activeElement;
  if (at === document.body) return "";
  return at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent.trim() ?? at.textContent.trim();
}"""


def findings(app: AppPage, axe: str) -> list[str]:
    """Return what axe-core calls serious or critical."""
    app.page.evaluate(axe)
    told = app.page.evaluate("(rules) => axe.run(document, rules)", RULES)
    found: list[dict[str, Any]] = told["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:150] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_view(
    scheme: str, make_page: Callable[..., AppPage], inputs: Path, axe: str
) -> None:
    app = make_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    app.refusals = (409, 415)
    found = {"empty": findings(app, axe)}
    app.choose(inputs / "photo.jpg")
    app.wait_for_results(1)
    found["picture"] = findings(app, axe)
    app.choose(inputs / "session.mp4", inputs / "broken.jpg", inputs / "letter.txt")
    app.wait_for_results(2)
    app.show("session.mp4")
    expect(app.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()
    found["video"] = findings(app, axe)
    app.show("broken.jpg")
    found["error"] = findings(app, axe)
    app.page.get_by_role("button", name="Open camera").click()
    expect(app.page.get_by_role("list", name="Action units of Person 0", exact=True)).to_be_visible()
    found["camera"] = findings(app, axe)
    assert found == {view: [] for view in found}


@pytest.mark.parametrize(("width", "zoom"), [(400, 1), (640, 2), (1280, 1)], ids=["narrow", "200 %", "wide"])
def test_nothing_is_cut_off_at_any_width(
    width: int, zoom: int, make_page: Callable[..., AppPage], inputs: Path
) -> None:
    app = make_page(viewport={"width": width, "height": 700}, device_scale_factor=zoom)
    assert app.page.evaluate(WIDE) == 0
    app.choose(inputs / "session.mp4")
    app.wait_for_results()
    expect(app.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()
    assert app.page.evaluate(WIDE) == 0


def test_everything_is_reached_by_keyboard(app: AppPage, inputs: Path) -> None:
    reach(app, "Choose files")
    with app.page.expect_file_chooser() as chooser:
        app.page.keyboard.press("Space")
    chooser.value.set_files([inputs / "photo.jpg", inputs / "session.mp4"])
    app.wait_for_results(2)
    reach(app, "session.mp4")
    app.page.keyboard.press("Enter")
    expect(app.page.get_by_role("region", name="Timeline of Person 0")).to_be_visible()
    reach(app, "OpenFace CSV")
    with app.page.expect_download() as found:
        app.page.keyboard.press("Enter")
    assert found.value.suggested_filename == "session.csv"


def test_the_skip_link_leads_into_what_is_shown(app: AppPage, inputs: Path) -> None:
    app.choose(inputs / "photo.jpg", inputs / "wall.png")
    app.wait_for_results(2)
    app.show("photo.jpg")
    app.page.get_by_role("link", name="Skip to the content").focus()
    app.page.keyboard.press("Enter")
    expect(app.page.get_by_role("heading", name="photo.jpg", level=2)).to_be_focused()


def reach(app: AppPage, name: str) -> None:
    """Press Tab until something of that name is focused."""
    for _ in range(80):
        app.page.keyboard.press("Tab")
        if name in app.page.evaluate(FOCUSED):
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def test_the_first_page_is_light(make_page: Callable[..., AppPage]) -> None:
    app = make_page()
    network = app.page.context.new_cdp_session(app.page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    network.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    app.page.reload(wait_until="load")
    app.page.get_by_role("heading", level=1).wait_for()
    assert 10_000 < sum(sizes) < MOST_KB * 1000


def test_who_does_not_know_the_address_is_told_where_to_find_it(app: AppPage) -> None:
    app.refusals = (403,)
    app.page.context.clear_cookies()
    app.page.goto(f"http://127.0.0.1:{app.server.port}/")
    expect(app.page.locator("body")).to_contain_text("address")
