"""The lines of a journal: finished frames and whatever else as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from metafacs.inference.engine import FrameResults
from metafacs.inference.result import FaceResult


def encode_line(content: Mapping[str, object]) -> bytes:
    """Return plain data as one line."""
    line = json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
    # A problem may name a file whose name is no text; escaped like this JSON gives it back.
    return line.encode(errors="backslashreplace")


def decode_line(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line; None if the line is not whole."""
    if not line.endswith(b"\n"):
        return None
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def frame_to_json(results: FrameResults) -> dict[str, object]:
    """Return a frame as plain data."""
    return {
        "frame": results.number,
        "timestamp": results.timestamp,
        "input": results.faces[0].input,
        "problem": results.faces[0].problem,
        "faces": [_face_to_json(face) for face in results.faces if face.success],
    }


def _face_to_json(face: FaceResult) -> dict[str, object]:
    return {
        "person": face.face_id,
        "score": face.score,
        "box": face.box,
        "landmarks": None if face.landmarks is None else face.landmarks.ravel().tolist(),
        "probabilities": face.probabilities,
        "intensities": face.intensities,
        "pose": face.pose,
    }


def frame_from_json(content: Mapping[str, Any]) -> FrameResults:
    """Return the frame that :func:`frame_to_json` was given."""
    number, timestamp = content["frame"], content["timestamp"]
    faces = [
        FaceResult(
            content["input"],
            number,
            face["person"],
            timestamp,
            success=True,
            score=face["score"],
            box=tuple(face["box"]),
            landmarks=np.array(face["landmarks"], dtype=np.float64).reshape(-1, 2),
            probabilities={int(au): value for au, value in face["probabilities"].items()},
            intensities={int(au): value for au, value in face["intensities"].items()},
            pose=None if face["pose"] is None else tuple(face["pose"]),
        )
        for face in content["faces"]
    ]
    nobody = FaceResult(content["input"], number, timestamp=timestamp, problem=content["problem"])
    return FrameResults(number, timestamp, faces or [nobody])
