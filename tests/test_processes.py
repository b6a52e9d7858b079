from __future__ import annotations

import pytest

from metafacs.processes import worker_count


def test_default_is_one_per_core() -> None:
    assert worker_count(None) >= 1
    assert worker_count(3) == 3


def test_less_than_one_is_refused() -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        worker_count(0)
