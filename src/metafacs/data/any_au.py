"""Batches for the baseline of MAML-AU: pictures with any action unit, and pictures with none."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
import torch

from metafacs.data.drawn import Drawn
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.ranks import ALONE, Rank


class Kinds(NamedTuple):
    """Positions of pictures that show an AU, and of those that are not known to show any."""

    positive: np.ndarray
    negative: np.ndarray


class BalancedStream(Stream):
    """Endless batches, each made of sets of which the first half shows an action unit and the rest none.

    Batch k is a pure function of ``(seed, k)``. ``action_units`` has one column. A picture is negative if no
    AU is known to be present.

    Args:
        store: The prepared data set.
        rows: Rows to draw from.
        aus: Action units that count.
        shots: N; a batch holds 4 N pictures per AU, as many as a meta-batch.
        size: Side of the network's input in pixels.
        seed: Seed of pictures and augmentation.
        augmentation: Random changes; None gives centre crops.
    """

    NAME: ClassVar[str]
    """Name of the stream, which its seed depends on."""

    def __init__(
        self,
        store: Store,
        rows: np.ndarray,
        *,
        aus: tuple[int, ...],
        shots: int,
        size: int,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__(
            store,
            rows,
            aus=aus,
            name=self.NAME,
            batch_size=4 * shots * len(aus),
            size=size,
            seed=seed,
            augmentation=augmentation,
        )
        self._present = (self.targets() == 1).any(axis=1)
        self._find_sets()

    def draw(self, k: int, rank: Rank = ALONE) -> Drawn:
        """Return a process's part of batch number ``k`` (0-based): whole sets, if there are several."""
        rng = np.random.default_rng((*self._seed, 1, k))
        sets = self.sets(rng)
        half = self.batch_size // len(sets) // 2
        # With replacement: the rarer kind may have fewer pictures than half a set.
        positions = np.concatenate([rng.choice(kind, half) for kinds in sets for kind in kinds])
        targets = torch.tensor([1.0, 0.0]).repeat_interleave(half).repeat(len(sets))[:, None]
        if len(sets) == 1:
            part = rank.part_of(len(positions))
        else:
            part = rank.part_of(len(positions), "sets", together=2 * half)
        return self._drawn(positions, rng, part).with_known(action_units=targets[part])

    @abstractmethod
    def _find_sets(self) -> None:
        """Find what sets can be drawn from.

        Raises:
            ValueError: If there is nothing.
        """

    @abstractmethod
    def sets(self, rng: np.random.Generator) -> list[Kinds]:
        """Return what each set of a batch is drawn from."""

    def _kinds(self, among: np.ndarray) -> Kinds:
        """Return both kinds of pictures among those of a mask, ``position``."""
        return Kinds(np.flatnonzero(among & self._present), np.flatnonzero(among & ~self._present))


class AnyAUStream(BalancedStream):
    """One balanced set of everybody's pictures a batch, for the baseline of MAML-AU.

    Raises:
        ValueError: If all pictures are of one kind.
    """

    NAME = "any_au"

    def _find_sets(self) -> None:
        self._everybody = self._kinds(np.ones(len(self.rows), bool))
        if not all(map(len, self._everybody)):
            raise ValueError(
                f"{len(self._everybody.positive)} pictures of {self.store.path} show an AU of "
                f"{list(self.aus)} and {len(self._everybody.negative)} show none; the baseline learns to "
                "tell the two apart"
            )

    def sets(self, rng: np.random.Generator) -> list[Kinds]:
        """Return the one set."""
        return [self._everybody]


class AnyAUByPersonStream(BalancedStream):
    """As many balanced sets a batch as there are AUs, each of one person drawn anew.

    A set has 4 N pictures, as an episode has, and is as much of one person as those a learner is judged on.
    Only people with pictures of both kinds are drawn.

    Attributes:
        chosen: Ids of the people who are drawn, sorted.

    Raises:
        ValueError: If nobody has pictures of both kinds.
    """

    NAME = "any_au_by_person"

    def _find_sets(self) -> None:
        subjects = self.store.subjects[self.rows]
        kinds = {person: self._kinds(subjects == person) for person in sorted(set(subjects.tolist()) - {""})}
        self._by_person = {person: both for person, both in kinds.items() if all(map(len, both))}
        self.chosen = tuple(self._by_person)
        if not self.chosen:
            raise ValueError(
                f"nobody in {self.store.path} has both pictures that show an AU of {list(self.aus)} and "
                "pictures that show none; the baseline learns to tell the two apart within a person"
            )

    def sets(self, rng: np.random.Generator) -> list[Kinds]:
        """Return the sets of people drawn with replacement."""
        drawn = rng.integers(len(self.chosen), size=len(self.aus))
        return [self._by_person[self.chosen[place]] for place in drawn]
