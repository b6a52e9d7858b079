from __future__ import annotations

import json

import pytest

from metafacs.parsing import FileError
from metafacs.seals import SEAL, sealed, unsealed

CONTENT = {"b": [1, 2.5, None], "a": {"1": True, "x": "é"}}


def test_what_was_sealed_comes_back_whatever_the_order_and_spaces() -> None:
    read = json.loads(json.dumps(sealed(CONTENT), indent=3))
    assert unsealed(dict(reversed(read.items())), "a.json") == CONTENT
    assert list(read)[-1] == SEAL


def test_numbers_as_keys_are_sealed_as_json_has_them() -> None:
    assert unsealed(sealed({"f1": {12: 0.5}}), "a.json") == {"f1": {"12": 0.5}}


def test_any_other_value_is_refused() -> None:
    whole = json.dumps(sealed(CONTENT))
    for before, after in (
        ("2.5", "2.6"),
        ("true", "1"),
        ('"a"', '"c"'),
        ("1,", "1.0,"),
        (": {", ': {"y": 0, '),
    ):
        with pytest.raises(FileError, match=r"a\.json is damaged or was edited: .*; evaluate again"):
            unsealed(json.loads(whole.replace(before, after, 1)), "a.json", remedy="evaluate again")


def test_what_earlier_versions_wrote_has_no_seal() -> None:
    assert unsealed(CONTENT, "a.json") == CONTENT


def test_nan_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        sealed({"a": float("nan")})
