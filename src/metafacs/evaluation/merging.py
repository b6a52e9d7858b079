"""Records of several places as one list: the same record counts once, two that contradict are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from metafacs.checkpoints.description import without_thresholds
from metafacs.evaluation.archive import Archivable, with_short_curves
from metafacs.evaluation.record_files import RecordError
from metafacs.models.model_file import DECIDES_AT, FILE_DIGEST, FINGERPRINT

_NAMED_BY = ("data", "config", "trained_on", "tested_on", "protocol")
"""What tells runs of one name apart: what they were asked for."""

_PASSING = ("seconds", "versions", "paper", FILE_DIGEST, FINGERPRINT, DECIDES_AT)
"""What two runs of the same settings may differ in: time, machine and which model they learned from: the
digest of its file holds its training time; what else tells it, which earlier versions did not, has made other
results where it differs."""

RecordT = TypeVar("RecordT", bound=Archivable)


def merged(places: Sequence[Sequence[tuple[Path, RecordT]]]) -> list[RecordT]:
    """Return the records of all places, in order, each once.

    Shares of a comparison may have had folders of their own, and folders may be given twice. Within a place
    nothing is compared.

    Args:
        places: The records of each place with their files.

    Raises:
        RecordError: If two places hold different records of one run with the same settings; both files are
            named.
    """
    records: list[RecordT] = []
    before: dict[str, tuple[Path, str]] = {}
    ends: dict[tuple[str, bool], tuple[Path, str]] = {}
    for place in places:
        here: dict[str, tuple[Path, str]] = {}
        ends_here: dict[tuple[str, bool], tuple[Path, str]] = {}
        for path, record in place:
            # Archives keep some digits of curves.
            content = _lasting(with_short_curves(record.to_json()))
            named = {key: content.get(key) for key in _NAMED_BY}
            name, told = _text([record.run, named]), _text(content)
            # A run that has lost has chosen no thresholds, which makes no other run of it.
            named["config"] = without_thresholds(named["config"] or {})
            bare, lost = _text([record.run, named]), content.get("lost") is not None
            known = before.get(name) or ends.get((bare, not lost))
            if known is None:
                records.append(record)
                here.setdefault(name, (path, told))
                ends_here.setdefault((bare, lost), (path, told))
            elif known[1] != told:
                raise RecordError(
                    f"{known[0]} and {path} are both {', '.join(record.run)}, but differ; give one of them"
                )
        before |= here
        ends |= ends_here
    return records


def _lasting(value: Any) -> Any:
    """Return JSON values without what two runs of the same settings may differ in, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): _lasting(inner) for key, inner in value.items() if key not in _PASSING}
    if isinstance(value, (list, tuple)):
        return [_lasting(inner) for inner in value]
    return value


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
