"""The papers that comparisons are made for, one data file each; a new one is one file and one line here."""

from __future__ import annotations

from metafacs.reports.papers.dual_domain import PAPER as DUAL_DOMAIN
from metafacs.reports.papers.mal import PAPER as MAL
from metafacs.reports.papers.maml_au import PAPER as MAML_AU
from metafacs.reports.papers.mml import PAPER as MML
from metafacs.reports.papers.paper import Paper

PAPERS: dict[str, Paper] = {paper.name: paper for paper in (MAL, MML, DUAL_DOMAIN, MAML_AU)}
"""Name in a comparison's file and on the command line -> paper."""
