"""One person's session filmed frame by frame: what the twins of BP4D, DISFA and GFT share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.data.twins.chunks import Record
from metafacs.data.twins.provenance import provenance_of, write_provenance
from metafacs.data.twins.sessions import Session
from metafacs.data.twins.writer import chunk_generator
from metafacs.data.videos import encode_video
from metafacs.synthesis.activations import Activation, is_present, resolve_conflicts
from metafacs.synthesis.camera import Camera, cover, expose
from metafacs.synthesis.renderer import Subject, render
from metafacs.synthesis.scenes import Studio, lab_scene

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Recording:
    """One session of one person: the unit of rendering.

    Attributes:
        twin: Name of the data set.
        seed: Seed of the twin.
        subject: E.g. ``F001``.
        session: E.g. ``T1``.
        length: Frames of the session.
        rendered: Positions within the session of the frames that are rendered, ascending.
        first: Number of the session's first frame in the label files; None where the rendered frames are
            counted from 1, as those of a video of their own.
        pixels: Side of the pictures.
    """

    twin: str
    seed: int
    subject: str
    session: str
    length: int
    rendered: tuple[int, ...]
    first: int | None
    pixels: int

    def generator(self, purpose: str, *parts: str | int) -> np.random.Generator:
        """Return the random generator of one part of this recording."""
        return chunk_generator(self.twin, self.seed, purpose, self.subject, self.session, *parts)


@dataclass(frozen=True)
class Sitter:
    """Who sits before the camera, and where.

    Attributes:
        subject: The face.
        studio: The room.
        spectacles: Whether the person wears glasses.
    """

    subject: Subject
    studio: Studio
    spectacles: bool = False


@dataclass(frozen=True)
class Occlusion:
    """Something that stays before the face for a while.

    Attributes:
        kind: One of ``metafacs.synthesis.occluders.OCCLUDERS``.
        start: Position of the first frame.
        end: Position behind the last frame.
    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Frame:
    """What is true of one rendered frame.

    Attributes:
        number: Its number in the label files.
        action_units: AU -> intensity 0..1, as true of the picture; absent AUs are left out.
        landmarks: Shape (68, 2), pixels, the centre of the first pixel at (0, 0).
        provenance: What a twin tells of it beside the labels, see `metafacs.data.twins.provenance`.
    """

    number: int
    action_units: Mapping[int, float]
    landmarks: NDArray[np.float32]
    provenance: Mapping[str, str]


def spread_positions(rng: np.random.Generator, length: int, count: int) -> list[int]:
    """Return ``count`` positions spread over a session of ``length`` frames, one in each equal part."""
    spread = (np.arange(count) + rng.uniform(0.1, 0.9, count)) / count
    return [int(position * length) for position in spread]


def film(
    recording: Recording,
    sitter: Sitter,
    session: Session,
    camera: Camera,
    occlusions: Sequence[Occlusion] = (),
) -> Iterator[tuple[Picture, Frame]]:
    """Render the frames of a recording one after the other.

    Each frame has its own generator, so a frame is the same in every preset of equal size.

    Args:
        recording: Which frames.
        sitter: Who, and in which room.
        session: What the person does over all frames of the session.
        camera: What happens to the pictures.
        occlusions: What comes before the face, and when.

    Yields:
        The picture, (pixels, pixels, 3), uint8, and what is true of it.
    """
    for count, position in enumerate(recording.rendered, start=1):
        rng = recording.generator("frame", position)
        wanted = {au: float(course[position]) for au, course in session.intensities.items()}
        visible = resolve_conflicts({au: x for au, x in wanted.items() if x > 0.02}, rng)
        yaw, pitch, roll = (float(angle) for angle in session.pose[position])
        horizontal, vertical = (float(angle) for angle in session.gaze[position])
        sides = {au: shares for au, shares in session.asymmetry.items() if au in visible}
        activation = Activation(visible, sides, (horizontal, vertical))
        framing = None
        if session.framing is not None:
            right, up, farther = (float(value) for value in session.framing[position])
            framing = right, up, farther
        scene = lab_scene(rng, recording.pixels, sitter.studio, (yaw, pitch, roll), framing)
        rendering = render(sitter.subject, activation, scene)
        before = [("glasses", 0)] if sitter.spectacles else []
        before += [(each.kind, each.start) for each in occlusions if each.start <= position < each.end]
        for kind, start in before:
            # The same generator for every frame: a cup keeps its form while it is before the face.
            form = recording.generator("occluder", kind, start)
            rendering = cover(rendering, sitter.subject, scene, kind, form)
        number = count if recording.first is None else recording.first + position
        provenance = provenance_of(rendering, activation, "+".join(kind for kind, _ in before) or None)
        frame = Frame(number, rendering.action_units, rendering.landmarks, provenance)
        yield expose(rendering.image, camera, rng), frame


def film_video(path: Path, shots: Iterable[tuple[Picture, Frame]], frames_per_second: int) -> list[Frame]:
    """Write what is filmed as a video, whole or not at all, and return what is true of its frames."""
    frames: list[Frame] = []

    def pictures() -> Iterator[Picture]:
        for picture, frame in shots:
            frames.append(frame)
            yield picture

    encode_video(path, pictures(), frames_per_second)
    return frames


def unknown_cells(
    rng: np.random.Generator, rows: int, aus: Sequence[int], share: float
) -> set[tuple[int, int]]:
    """Return the (row, AU) cells that the coders left open."""
    drawn = rng.random((rows, len(aus))) < share
    return {(int(row), aus[column]) for row, column in zip(*np.nonzero(drawn), strict=True)}


def record_of(subject: str, names: str, frames: Sequence[Frame], aus: Collection[int]) -> Record:
    """Return what the record of a chunk says about its labelled frames.

    Args:
        subject: Who is filmed.
        names: Format of the frames' names by number, e.g. ``SN001/{:04d}``: what the reader calls them.
        frames: The labelled frames.
        aus: The AUs with labels.
    """
    counted = Counter(
        au for frame in frames for au, x in frame.action_units.items() if au in aus and is_present(x)
    )
    return {
        "subject": subject,
        "frames": len(frames),
        "positives": {str(au): counted[au] for au in sorted(counted)},
        "provenance": [
            {"name": names.format(frame.number), "subject": subject, **frame.provenance} for frame in frames
        ],
    }


def finish_recordings(root: Path, records: Sequence[Record], aus: Iterable[int]) -> dict[str, float]:
    """Write what is true of all frames and return the share of frames that show each AU."""
    write_provenance(root, [row for record in records for row in record["provenance"]])
    total = sum(record["frames"] for record in records)
    return {
        str(au): round(sum(record["positives"].get(str(au), 0) for record in records) / total, 4)
        for au in aus
    }
