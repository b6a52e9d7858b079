"""What a worker process can be asked to do, and what is said of it when it fails."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from metafacs.app.analysing import Tell, analyse_picture_file, analyse_video
from metafacs.app.fitting import fit_person
from metafacs.app.live import LiveCamera
from metafacs.app.models import Detectors, describe_detector, describe_model, warm_up
from metafacs.app.records import Stamp
from metafacs.app.stills import write_frame, write_portrait, write_preview
from metafacs.app.tables import write_bundle, write_download, write_overlay, write_picture_table
from metafacs.app.viewed import Viewed, write_timelines
from metafacs.inference.baseline import parse_neutral
from metafacs.processes import keep_freed_memory, out_of_memory, use_one_thread
from metafacs.texts import printable

Json = dict[str, Any]


class Desk:
    """Does tasks in a worker process.

    Args:
        device: Where networks run.
        stamps: Of the models' files, see :class:`metafacs.app.models.Detectors`.
    """

    def __init__(self, device: str, stamps: Mapping[str, Stamp] | None = None) -> None:
        use_one_thread()
        self._detectors = Detectors(device, stamps)
        self._camera: LiveCamera | None = None

    def do(self, task: str, arguments: Json, attached: bytes | None, tell: Tell) -> Json:
        """Do a task; return ``{"result": ...}`` or ``{"error": "a sentence"}``.

        Args:
            task: Name in :data:`TASKS`.
            arguments: Plain data. ``path`` and ``name``, where both are given, are the file and what the user
                calls it: errors name the latter.
            attached: Bytes that go with it.
            tell: Called with what is to be told on the way.
        """
        try:
            return {"result": TASKS[task](self, arguments, attached, tell)}
        except Exception as error:
            if os.environ.get("METAFACS_DEBUG"):
                traceback.print_exc()
            return {"error": _sentence(error, arguments)}

    def get_ready(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Load a model and everything that faces are found with; return what the page shows of it."""
        keep_freed_memory()
        known = describe_model(self._detectors, given["model"])
        if not known["few_shot"]:
            warm_up(self._detectors.get(given["model"], None))
        return known

    def describe_model(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Return what the page shows of a model."""
        return describe_model(self._detectors, given["model"])

    def analyse(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Analyse a picture or a video."""
        detector = self._detectors.get(given["model"], given["person"])
        tell({"model": describe_detector(detector)})
        place = Path(given["path"]), given["name"], Path(given["folder"])
        if given["kind"] == "picture":
            return analyse_picture_file(detector, *place)
        return analyse_video(detector, *place, tell, fps=given["fps"])

    def annotate(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write a video with the results drawn onto it."""
        return write_overlay(self._viewed(given), Path(given["out"]), tell)

    def write_timelines(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write the people of a video over time."""
        return write_timelines(self._viewed(given), Path(given["out"]))

    def write_download(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write what a user takes away of one file."""
        out = Path(given["out"])
        return write_download(self._viewed(given), given["what"], out, person=given["options"].get("person"))

    def write_bundle(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write everything of some files into one."""
        files, out = given["files"], Path(given["out"])
        return write_bundle(map(self._viewed, files), out, tell, folders=len(files) > 1)

    def write_picture_table(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write one table of several pictures."""
        return write_picture_table(
            [self._viewed(each) for each in given["pictures"]], given["what"], Path(given["out"])
        )

    def check_neutral(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Refuse neutral frames that cannot be read."""
        parse_neutral(given["neutral"])
        return {}

    def write_preview(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write a picture, or the first frame of a video, for the page."""
        return write_preview(Path(given["path"]), given["kind"], given["width"], Path(given["out"]))

    def write_frame(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write one frame of a video for the page."""
        return write_frame(Path(given["path"]), given["number"], given["width"], Path(given["out"]))

    def write_portrait(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Write the face of a person for the page."""
        return write_portrait(
            Path(given["path"]), given["kind"], Path(given["folder"]), given["person"], Path(given["out"])
        )

    def personalise(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Fit a model to a person."""
        return fit_person(given["model"], given["labels"], Path(given["out"]), self._detectors.device)

    def open_camera(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Begin to follow the faces before a camera."""
        self._close_camera()
        keep_freed_memory()
        detector = self._detectors.get(given["model"], given["person"])
        self._camera = LiveCamera(detector)
        return describe_detector(detector)

    def read_camera(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Read the next picture of the camera."""
        assert attached is not None
        return self._opened_camera.read(attached, given["seconds"])

    def record_camera(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """Begin to keep what the camera shows."""
        return self._opened_camera.record(Path(given["folder"]), given["name"])

    def stop_recording(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """End a recording."""
        return self._opened_camera.stop()

    def close_camera(self, given: Json, attached: bytes | None, tell: Tell) -> Json:
        """End a recording, if there is one, and forget the faces."""
        return self._close_camera()

    @property
    def _opened_camera(self) -> LiveCamera:
        if self._camera is None:
            raise ValueError("the camera was closed; open it again")
        return self._camera

    def _close_camera(self) -> Json:
        camera, self._camera = self._camera, None
        return {} if camera is None else camera.close()

    def _viewed(self, given: Json) -> Viewed:
        """Return finished results as the user wants to see them."""
        detector = self._detectors.get(given["model"], given["person"])
        path = None if given["path"] is None else Path(given["path"])
        known = given["name"], given["kind"], path, given["source"], given["fps"]
        return Viewed(detector, Path(given["folder"]), given["view"], *known)


TASKS: dict[str, Callable[[Desk, Json, bytes | None, Tell], Json]] = {
    task.__name__: task
    for task in (
        Desk.get_ready,
        Desk.describe_model,
        Desk.analyse,
        Desk.annotate,
        Desk.write_timelines,
        Desk.write_download,
        Desk.write_bundle,
        Desk.write_picture_table,
        Desk.check_neutral,
        Desk.write_preview,
        Desk.write_frame,
        Desk.write_portrait,
        Desk.personalise,
        Desk.open_camera,
        Desk.read_camera,
        Desk.record_camera,
        Desk.stop_recording,
        Desk.close_camera,
    )
}
"""Name of a task -> what does it."""


def _sentence(error: Exception, arguments: Json) -> str:
    """Return what to tell the user: no path of the private folder is in it."""
    if told := out_of_memory(error):
        return told
    known = isinstance(error, (ValueError, OSError))
    said = str(error) if known else f"{type(error).__name__}: {error}"
    if arguments.get("path") and "name" in arguments:
        for path in (arguments["path"], printable(arguments["path"])):
            said = said.replace(path, printable(arguments["name"]))
    return said
