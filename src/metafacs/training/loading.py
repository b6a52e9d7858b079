"""Batches prepared ahead: several threads draw them, one brings them to the device, nobody waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields

import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.data.drawn import Drawn
from metafacs.data.streams import BatchStream
from metafacs.launch import processes_here
from metafacs.processes import worker_count
from metafacs.ranks import ALONE, Rank

MOST_THREADS = 64
_USUAL_MOST = 8


def usual_threads(device: torch.device) -> int:
    """Return how many batches to draw at a time: one where the processor trains, else up to 8."""
    # Processes on one machine share its cores.
    return 1 if device.type == "cpu" else max(1, min(_USUAL_MOST, worker_count(None) // processes_here()))


@contextmanager
def load_batches(
    streams: Mapping[str, BatchStream],
    numbers: range,
    device: torch.device,
    *,
    threads: int = 1,
    rank: Rank = ALONE,
) -> Iterator[Iterator[dict[str, Batch]]]:
    """Yield the batches with the given numbers, in their order, each prepared while others are being used.

    What a batch holds depends on its number alone, not on threads or device. Pictures travel as bytes; they
    become what the network reads on the device. On a CUDA device that happens in a stream of its own, and
    the computing stream waits for it, not the processor.

    Args:
        streams: Name -> what to draw from.
        numbers: Of the batches.
        device: Where the batches are needed.
        threads: How many batches are drawn at a time. So many and two more are in memory, as bytes.
        rank: Which process asks.
    """
    copies = _Copies(device) if device.type == "cuda" else None

    def draw(k: int) -> dict[str, Drawn]:
        found = {name: stream.draw(k, rank).changed() for name, stream in streams.items()}
        return {name: drawn.pinned() for name, drawn in found.items()} if copies else found

    def bring(drawn: Future[dict[str, Drawn]]) -> _Brought:
        if copies:
            return copies.bring(drawn.result())
        return _Brought({name: one.on(device) for name, one in drawn.result().items()})

    def in_order(drawers: ThreadPoolExecutor, bringer: ThreadPoolExecutor) -> Iterator[dict[str, Batch]]:
        coming = iter(numbers)
        drawn: deque[Future[dict[str, Drawn]]] = deque()
        following: Future[_Brought] | None = None
        for _ in numbers:
            while len(drawn) <= threads and (k := next(coming, None)) is not None:
                drawn.append(drawers.submit(draw, k))
            current = following or bringer.submit(bring, drawn.popleft())
            following = bringer.submit(bring, drawn.popleft()) if drawn else None
            yield current.result().used_here()

    drawers, bringer = ThreadPoolExecutor(threads, "draw"), ThreadPoolExecutor(1, "bring")
    try:
        yield in_order(drawers, bringer)
    finally:
        # Drawers first: the bringer waits for them.
        drawers.shutdown(cancel_futures=True)
        bringer.shutdown(cancel_futures=True)


class _Brought:
    """Batches on their device, and what tells that they are there; None where they are."""

    def __init__(self, batches: dict[str, Batch], there: torch.cuda.Event | None = None) -> None:
        self.batches, self.there = batches, there

    def used_here(self) -> dict[str, Batch]:
        """Return the batches, for what is computed from now on in this thread's stream."""
        if self.there is not None:
            for batch in self.batches.values():
                tensors = [
                    value for f in fields(batch) if isinstance(value := getattr(batch, f.name), Tensor)
                ]
                computing = torch.cuda.current_stream(batch.images.device)
                computing.wait_event(self.there)
                for tensor in tensors:
                    # Their memory is the copying stream's, which must not use it again too early.
                    tensor.record_stream(computing)
        return self.batches


class _Copies:
    """Brings batches to a CUDA device beside what is computed there."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._stream = device, torch.cuda.Stream(device)

    def bring(self, drawn: Mapping[str, Drawn]) -> _Brought:
        """Return the batches at once; the copying goes on."""
        with torch.cuda.stream(self._stream):
            batches = {name: one.on(self._device) for name, one in drawn.items()}
            return _Brought(batches, self._stream.record_event())
