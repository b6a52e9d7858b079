"""What lies beside a table: the model and its licence, units, numbering, and what run made it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import av
import torch

from metafacs.data.own_results import SIDECAR
from metafacs.facs import au_column, au_name
from metafacs.files import write_bytes, write_json
from metafacs.inference.detector import Detector
from metafacs.models.backends import backend_version
from metafacs.parsing import FileError, read_json
from metafacs.seals import sealed, unsealed
from metafacs.version import __version__

_PICTURE_NUMBERS = "frame is the number of the picture in the run, from 0; timestamp is 0"
_FRAME_NUMBERS = (
    "frame counts from 0 what a player shows, in the order of showing (OpenFace counts from 1); timestamp is "
    "in seconds on a player's clock, 0 at the first frame shown or where the sound begins if that is before"
)


def sidecar_path(path: str | Path) -> Path:
    """Return where the description of a file of results lies: beside it, with ``.meta.json`` added."""
    return Path(path).with_name(Path(path).name + SIDECAR)


def write_sidecar(
    path: str | Path,
    form: str,
    detector: Detector,
    *,
    video: bool = False,
    more: Mapping[str, object] | None = None,
) -> None:
    """Write what a reader of the results must know: model, thresholds, units, training data, licence.

    ``experimental`` lists the AUs that are not shown to carry over to real people. Of two runs that do the
    same only ``written`` differs.

    Args:
        path: The table.
        form: Its convention.
        detector: Whose results it holds.
        video: Whether they are of the frames of a video.
        more: What else is to be said, plain data: ``run``, ``outputs``, ``source`` and the like.
    """
    content = {
        "format": form,
        "metafacs": __version__,
        "synthetic": detector.synthetic,
        "action_units": {au_column(au): au_name(au) for au in detector.aus},
        "thresholds": {au_column(au): detector.thresholds[au] for au in detector.aus},
        "experimental": [au_column(au) for au in detector.experimental],
        "device": detector.device,
        "backend": backend_version(detector.backend),
        "torch": torch.__version__,
        "av": av.__version__,
        "ffmpeg": getattr(av, "ffmpeg_version_info", "unknown"),
        "platform": platform.platform(),
        "units": _units(form, detector),
        "numbering": _FRAME_NUMBERS if video else _PICTURE_NUMBERS,
        "model": dict(detector.description),
    }
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    # The seal is that of the rest, so that two runs that do the same have the same.
    write_json(sidecar_path(path), {"written": now} | sealed(content | dict(more or {})))


def copy_sidecar(path: Path, copy: Path) -> None:
    """Write what lies beside a table beside another one with the same rows.

    Raises:
        FileError: If there is nothing, or it was damaged.
    """
    content = read_json(sidecar_path(path), dict[str, Any])
    unsealed({key: value for key, value in content.items() if key != "written"}, str(sidecar_path(path)))
    write_bytes(sidecar_path(copy), sidecar_path(path).read_bytes())


def read_sidecar(path: str | Path) -> dict[str, object]:
    """Return what lies beside a table; empty if there is nothing that is as it was written."""
    file = sidecar_path(path)
    try:
        content = read_json(file, dict[str, Any])
        content.pop("written", None)
        return unsealed(content, str(file))
    except FileError:
        return {}


def _units(form: str, detector: Detector) -> str:
    units = ["boxes and landmarks in pixels, the centre of the first pixel at 0", "time in seconds"]
    if detector.intensities and form != "fex":
        units.append("intensities AUxx_r from 0 (absent) to 5 (FACS level E)")
    if detector.pose and form == "fex":
        units.append(
            "Pitch (positive: head down), Roll (positive: top of the head toward the left of the picture) "
            "and Yaw (positive: face toward the right of the picture) in degrees; py-feat's own signs may "
            "differ"
        )
    elif detector.pose:
        units.append(
            "pose_Rx (positive: head down), pose_Ry (positive: face toward the left of the picture) and "
            "pose_Rz (positive: top of the head toward the right of the picture) in radians as OpenFace's, "
            "but against the line of sight to the face"
        )
    return "; ".join(units)
