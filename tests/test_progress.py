from __future__ import annotations

import pytest

from metafacs.progress import plain_console, progress_bar, speed_bar


@pytest.mark.parametrize("make", [progress_bar, lambda on: speed_bar("frames", on)])
def test_a_bar_can_be_silent(make, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    with make(False) as bar:
        bar.advance(bar.add_task("work", total=1))
    assert capsys.readouterr() == ("", "")


def test_nothing_of_the_speed_goes_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with speed_bar("frames") as bar:
        bar.advance(bar.add_task("work", total=1))
        print("a row")
    captured = capsys.readouterr()
    assert captured.out == "a row\n"
    assert captured.err == ""


def test_the_speed_is_told_in_its_unit() -> None:
    bar = speed_bar("frames")
    task = bar.add_task("work", total=10)
    column = bar.columns[3]
    assert str(column.render(bar.tasks[0])) == ""  # type: ignore[union-attr]
    bar.start_task(task)
    for done in (2, 4, 6):
        bar.update(task, completed=done)
    assert str(column.render(bar.tasks[0])).endswith(" frames/s")  # type: ignore[union-attr]


def test_labels_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as bar:
        bar.advance(bar.add_task("a [/red]", total=1))
        bar.console.print("mal [lr 1] [/x] :smile: done")
    plain_console().print("[bold]x[/y]")
    printed = capsys.readouterr().out
    assert "a [/red]" in printed
    assert "mal [lr 1] [/x] :smile: done" in printed
    assert "[bold]x[/y]" in printed
