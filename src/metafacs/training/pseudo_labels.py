"""Labels of unlabelled pictures by a trained detector that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from metafacs.batch import Batch
from metafacs.data.streams import Stream
from metafacs.training.checkpoint import Checkpoint


class PseudoLabelled:
    """A stream whose AU labels are what a detector says about its pictures.

    Labels that the pictures may have are replaced, so nothing but the detector's knowledge gets through.
    Shang & Liu (dual-domain AU detection), section 4.2.1, take OpenFace for it.

    Args:
        stream: The pictures.
        detector: Checkpoint of the detector; runs frozen.
        aus: FACS numbers of the columns; those the detector does not know stay NaN.

    Attributes:
        aus: Empty: there are no known labels to count before training.

    Raises:
        ValueError: If the detector knows none of the AUs or reads other pictures than the stream gives.
    """

    def __init__(self, stream: Stream, detector: Checkpoint, aus: Sequence[int]) -> None:
        shared = [au for au in aus if au in detector.aus]
        if not shared:
            raise ValueError(f"the labelling detector knows {list(detector.aus)}, none of {list(aus)}")
        read = {name: detector.description.get(name) for name in ("input_size", "crop_size", "alignment")}
        given = {
            "input_size": stream.size,
            "crop_size": stream.store.size,
            "alignment": stream.store.description["alignment"],
        }
        if read != given:
            raise ValueError(
                f"the labelling detector reads pictures of {read}, the target stream gives {given}; train it "
                "on a store prepared alike"
            )
        self.aus: tuple[int, ...] = ()
        self._stream, self._method = stream, detector.build_method()
        self._threshold = float(str(detector.description.get("threshold", 0.5)))
        self._width = len(aus)
        self._columns = [list(aus).index(au) for au in shared]
        self._known = [detector.aus.index(au) for au in shared]

    def batch(self, k: int) -> Batch:
        """Return batch number ``k`` of the stream with the detector's decisions as labels."""
        batch = self._stream.batch(k)
        with torch.inference_mode():
            found = self._method.predict(batch.images).probabilities >= self._threshold
        labels = torch.full((len(batch), self._width), torch.nan)
        labels[:, self._columns] = found[:, self._known].float()
        return replace(batch, action_units=labels)

    def targets(self) -> np.ndarray:
        """Return no labels, ``row x 0``."""
        return np.empty((len(self._stream.rows), 0), np.float32)
