"""The one progress bar."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


def progress_bar(enabled: bool = True) -> Progress:
    """Return a bar with description, count, elapsed and remaining time; silent if not ``enabled``."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=plain_console(),
        disable=not enabled,
    )


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that prints texts as they are: ``[/red]`` in a label is no markup."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def speed_bar(unit: str, enabled: bool = True) -> Progress:
    """Return a bar that also tells how many units are done per second, on standard error of a terminal only.

    Args:
        unit: What is counted, e.g. ``frames``.
        enabled: Show it.
    """
    console = plain_console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(unit),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # Lines printed to a file must not go to the terminal with the bar.
        redirect_stdout=sys.stdout.isatty(),
        disable=not enabled or not console.is_terminal,
    )


class _Speed(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f} {self._unit}/s", style="progress.data.speed")
