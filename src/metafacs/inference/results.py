"""What ``detector.predict`` returns: the results of a video by frame, as a table, as events, as a plot."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from metafacs.data.videos import EVERY_FRAME, Camera, FrameFolder, FrameSource, Selection, Video
from metafacs.inference.baseline import apply_baseline, find_baseline, parse_neutral
from metafacs.inference.engine import FrameResults, analyse_frames
from metafacs.inference.events import Event, EventRules, find_events
from metafacs.inference.journal import Journal, read_journal
from metafacs.inference.timelines import Timelines, gather_timelines
from metafacs.inference.writers import open_writer

if TYPE_CHECKING:
    import pandas as pd

    from metafacs.inference.detector import Detector


class EndlessError(ValueError):
    """A camera was asked for something that needs an end."""


def open_frames(path: str | Path) -> FrameSource:
    """Return the frames of a video file or of a folder of numbered pictures.

    Raises:
        VideoError: If it is neither.
    """
    return FrameFolder(path) if Path(path).is_dir() else Video(path)


class VideoResults:
    """The results of a video, a folder of frames or a camera. Made by ``Detector.predict``.

    Iterating gives one :class:`FrameResults` after the other while the video is analysed; memory is bounded
    whatever its length. The first whole pass is kept in a temporary file, which goes with this object; later
    passes, the table, the events and the plot are read from there. A camera's results are given as they come
    and kept nowhere.

    Args:
        detector: Reads the faces.
        source: Where the frames come from.
        selection: Which of them are taken.
        neutral: Which frames show people at rest: ``auto`` or ranges as ``100-200,250-300``; None to take no
            person's rest into account. See :mod:`metafacs.inference.baseline`. The whole video is then
            analysed before the first frame is given.
        images: Give the pictures with the results, as a camera always does; every pass is then an analysis.

    Raises:
        ValueError: If the options do not fit each other.
    """

    def __init__(
        self,
        detector: Detector,
        source: FrameSource,
        selection: Selection = EVERY_FRAME,
        *,
        neutral: str | None = None,
        images: bool = False,
    ) -> None:
        self.detector, self.source, self.selection = detector, source, selection
        self._neutral = neutral
        self._live = isinstance(source, Camera)
        self._images = images or self._live
        self._journal: Path | None = None
        if neutral is not None:
            parse_neutral(neutral)
        if neutral is not None and self._images:
            raise ValueError(
                "people's rest is known only at the end, when the pictures are gone: leave neutral or images "
                "out, and a camera's pictures to a file first"
            )

    def __iter__(self) -> Iterator[FrameResults]:
        """Give what every frame shows, in their order.

        Raises:
            AnalysisError: If the networks fail on a frame.
            VideoError: If the source cannot be read.
        """
        if self._images or (self._journal is None and self._neutral is None):
            pictured = analyse_frames(self.detector, self.source, self.selection, keep_images=True)
            for results in pictured if self._images else self._kept():
                yield results.rounded()
            return
        if self._journal is None:
            for _ in self._kept():
                pass
        yield from self._read()

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per frame and face, as pandas reads the table that ``metafacs predict`` writes.

        Raises:
            EndlessError: Of a camera.
        """
        import pandas as pd

        self._need_end("table")
        with tempfile.TemporaryDirectory(prefix="metafacs-") as folder:
            path = Path(folder, "faces.csv")
            with open_writer(path, "openface", self.detector) as writer:
                for results in self:
                    for face in results.faces:
                        writer.write(face)
            return pd.read_csv(path)

    def timelines(self) -> Timelines:
        """Return every person over time, as arrays.

        Raises:
            EndlessError: Of a camera.
        """
        self._need_end("timelines")
        return gather_timelines((results.faces for results in self), self.detector, self.source.rate)

    def events(self, rules: EventRules | None = None) -> list[Event]:
        """Return when action units come, are strongest and go.

        Args:
            rules: How probabilities become events; None for the default.

        Raises:
            EndlessError: Of a camera.
        """
        return find_events(self.timelines(), EventRules() if rules is None else rules)

    def plot(self, path: str | Path) -> list[Path]:
        """Draw every person over time, with the events; returns what was written.

        Args:
            path: A PNG, SVG or PDF; with several people the person is put into the name.

        Raises:
            EndlessError: Of a camera.
        """
        from metafacs.inference.timeline_plot import plot_timelines

        timelines = self.timelines()
        return plot_timelines(path, timelines, find_events(timelines, EventRules()))

    def _kept(self) -> Iterator[FrameResults]:
        """Analyse the video into a journal, and keep that if the pass is whole."""
        folder = Path(tempfile.mkdtemp(prefix="metafacs-"))
        forget = weakref.finalize(self, shutil.rmtree, folder, True)
        path = folder / "journal"
        try:
            with Journal.start(path, {}) as journal:
                for results in analyse_frames(self.detector, self.source, self.selection):
                    journal.append(results)
                    yield results
                journal.finish()
        except BaseException:
            forget()
            raise
        self._journal = path

    def _read(self) -> Iterator[FrameResults]:
        assert self._journal is not None
        if self._neutral is None:
            return read_journal(self._journal)[1]
        baseline = find_baseline(read_journal(self._journal, exact=True)[1], self.detector, self._neutral)
        return apply_baseline(read_journal(self._journal, exact=True)[1], baseline)

    def _need_end(self, what: str) -> None:
        if self._live:
            raise EndlessError(
                f"{self.source.name} has no end, so that it has no {what}: go through its frames"
            )
