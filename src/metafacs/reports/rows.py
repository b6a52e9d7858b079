"""Which row of a paper's table a record belongs to.

One method can stand for several rows: MML's weights make it MAL or MML, fixed ones STL, MTL or AM.
"""

from __future__ import annotations

import inspect

from metafacs.evaluation.records import Record
from metafacs.methods import METHODS
from metafacs.methods.compound_losses import PARTS

_WEIGHED = ("compound_multi_task", "mml")

ROW_ORDER = (
    *("single_task", "multi_task", "mtan", "l2t_ww", "mal"),
    *("STL", "MTL", "MAL", "AM", "MML"),
    *("source_only", "adda", "dann", "adld", "dual_domain"),
)
"""Order of the rows in a table; others follow by name. A row's weights and statistics come after its name."""


def row_position(name: str) -> tuple[int, str]:
    """Return the sort key of a row: the order of the papers, then the name."""
    base = name.partition(",")[0]
    return ROW_ORDER.index(base) if base in ROW_ORDER else len(ROW_ORDER), name


def row_name(record: Record) -> str:
    """Return the name of a record's row: its method, with what sets it apart from the method's other rows.

    A variant that a comparison named keeps that name.
    The methods of compound expressions are named as in Tables 2 and 3 of the MML paper, with the statistics
    of the alignment, and with the weights where they are not the paper's or not known from it.
    """
    if record.method not in _WEIGHED:
        return record.label or record.method
    weights = _weights(record)
    usual = _usual_weights(published_row(record))
    unusual = [f"{part} {weights[part]}" for part in PARTS if weights[part] != usual[part]]
    return ", ".join([published_row(record), *unusual])


def published_row(record: Record) -> str:
    """Return the row of Tables 2 and 3 of the MML paper that a record of its methods belongs to.

    ``MAL``, of which the paper tried two kinds and printed the better, stands for both.
    """
    weights = _weights(record)
    learned = "learned" in weights.values()
    if weights["alignment"] == 0:
        return "MAL" if learned else "MTL" if weights["action_units"] != 0 else "STL"
    return f"{'MML' if learned else 'AM'}, {option_of(record, 'statistics')}"


def _usual_weights(row: str) -> dict[str, object]:
    auxiliary = {
        "STL": (0, 0),
        "MTL": (1, 0),
        "MAL": ("learned", 0),
        "AM": (1, 1),
        "MML": ("learned", "learned"),
    }
    return dict(zip(PARTS, (1, *auxiliary[row.partition(",")[0]]), strict=True))


def _weights(record: Record) -> dict[str, object]:
    return {part: option_of(record, part) for part in PARTS}


def option_of(record: Record, name: str) -> object:
    """Return an option as the run had it; what a configuration leaves out has the method's default."""
    options = record.config.get("options", {})
    return options.get(name, inspect.signature(METHODS[record.method]).parameters[name].default)
