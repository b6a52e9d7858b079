"""The synthetic twin of RAF-ML: distributions of votes over six basic expressions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metafacs.data.twins.annotators import ANNOTATORS
from metafacs.data.twins.portraits import PIXELS, Album, plan_album
from metafacs.data.twins.provenance import write_provenance
from metafacs.data.twins.raf_faces import POOL, plan_raf_faces
from metafacs.data.twins.writer import Preset, TwinPlan, write_text


def plan_raf_ml(preset: Preset, seed: int) -> TwinPlan[Album]:
    """Return what the twin of RAF-ML holds, in RAF-ML's own layout.

    ``EmoLabel/distribution.txt`` holds the shares of 40 simulated annotators in the order surprise, fear,
    disgust, happiness, sadness, anger, ``Image/aligned/0001_aligned.jpg`` the crops of 100 px.
    ``multilabel.txt`` and ``partition_label.txt`` are not written: what their codes mean could not be
    verified. Beside what RAF-ML has: ``EmoLabel/twin_provenance.csv``.

    A name stands for the same picture in the twins of RAF-AU and RAF-CE of the same preset and seed.

    Presets: ``tiny`` (69 pictures), ``small`` (1,403), ``full`` (4,908).
    """
    faces = tuple(plan_raf_faces(preset, seed))
    return plan_album("raf_ml", preset, Album(POOL, seed, "Image/aligned", PIXELS[preset], faces), _finish)


def _finish(root: Path, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    lines = (f"{row['name']}.jpg {' '.join(_share(votes) for votes in row['votes'])}\n" for row in rows)
    write_text(root / "EmoLabel" / "distribution.txt", "".join(lines))
    write_provenance(root / "EmoLabel", [row["provenance"] for row in rows])
    mixtures = Counter(row["compound"] or "other" for row in rows)
    return {"annotators": ANNOTATORS, "mixtures": dict(mixtures.most_common())}


def _share(votes: int) -> str:
    """Return the exact share: rounded ones might make or hide a tie."""
    return f"{votes / ANNOTATORS:.3f}"
