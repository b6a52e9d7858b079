"""A share of the jobs that machines divide among them: every n-th, beginning with the i-th."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """Every ``count``-th of the jobs, which are numbered from 0.

    Attributes:
        number: Which share, from 1.
        count: How many there are.

    >>> [job for job in range(7) if Share(2, 3).holds(job)]
    [1, 4]
    """

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, job: int) -> bool:
        """Return whether the job with this number is of the share."""
        return job % self.count == self.number - 1


ALL = Share()
"""The share of one who does everything."""


def parse_share(text: str) -> Share:
    """Return the share that an option such as ``3/10`` names.

    Raises:
        ValueError: If it names none.

    >>> parse_share("3/10")
    Share(number=3, count=10)
    """
    parts = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if parts is not None and 1 <= int(parts[1]) <= int(parts[2]):
        return Share(int(parts[1]), int(parts[2]))
    raise ValueError(f"--shard is '{text}'; give the number of the share and how many there are, e.g. 3/10")
