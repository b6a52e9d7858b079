"""Which paper records belong to, and in which order it has their rows."""

from __future__ import annotations

from collections.abc import Iterable

from metafacs.reports.papers import PAPERS
from metafacs.reports.papers.paper import Paper

NO_PAPER = (
    "no paper is named: to see printed scores beside these and its claims answered, write 'paper: NAME' into "
    f"the comparison's file or give --paper NAME, one of {', '.join(PAPERS)}"
)
"""What a report without a paper says of that."""


def find_paper(name: str) -> Paper | None:
    """Return the paper of a name; None of an empty one.

    Raises:
        ValueError: If there is no such paper.
    """
    # A configuration may hold anything, a list too, which is no key.
    if name and name not in list(PAPERS):
        raise ValueError(f"there is no paper '{name}'; choose one of {', '.join(PAPERS)}")
    return PAPERS[name] if name else None


def paper_of(names: Iterable[str], asked: Paper | None) -> Paper | None:
    """Return the one paper of some records.

    Args:
        names: What the records say, empty where one says nothing.
        asked: Paper of those that say nothing.

    Raises:
        ValueError: If records name another paper than the others or than the one asked for, or an unknown
            one.
    """
    found = sorted({name for name in names if name})
    if len(found) > 1:
        raise ValueError(
            f"the records belong to different papers, {' and '.join(found)}; report each paper's alone"
        )
    if found and asked and asked.name != found[0]:
        raise ValueError(f"the records belong to the paper {found[0]}, not to {asked.name}; leave that out")
    return find_paper(found[0]) if found and asked is None else asked


def in_order(names: Iterable[str], paper: Paper | None) -> list[str]:
    """Return names of rows: the paper's in the order of its tables, then the others by name.

    >>> in_order(["yours", "mine"], None)
    ['mine', 'yours']
    """
    places = {row.name: place for place, row in enumerate(paper.rows)} if paper else {}
    return sorted(set(names), key=lambda name: (places.get(name, len(places)), name))
