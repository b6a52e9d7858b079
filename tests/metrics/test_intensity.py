from __future__ import annotations

import numpy as np
import pytest

from metafacs.metrics.intensity import intraclass_correlation, mean_absolute_error


def by_anova(one: np.ndarray, two: np.ndarray) -> float:
    """ICC(3,1) from the table of a two-way analysis of variance, written out."""
    table = np.stack([one, two], 1)
    count, raters = table.shape
    total = ((table - table.mean()) ** 2).sum()
    rows = raters * ((table.mean(1) - table.mean()) ** 2).sum()
    columns = count * ((table.mean(0) - table.mean()) ** 2).sum()
    between = rows / (count - 1)
    error = (total - rows - columns) / ((count - 1) * (raters - 1))
    return (between - error) / (between + (raters - 1) * error)


def test_shrout_and_fleiss_have_715_for_their_six_targets() -> None:
    # Table 2 of Shrout & Fleiss (1979), judges 1 to 4; ICC(3,1) of all four is .71. Two judges by ANOVA.
    judges = np.array(
        [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], float
    )
    for a in range(4):
        for b in range(4):
            if a != b:
                ours = intraclass_correlation(judges[a], judges[b])
                assert ours == pytest.approx(by_anova(judges[a], judges[b]))


def test_offset_does_not_matter_scale_and_noise_do() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 5, 200)
    assert intraclass_correlation(truth + 1, truth) == pytest.approx(1)
    assert intraclass_correlation(0.3 * truth, truth) < 0.6
    assert intraclass_correlation(rng.uniform(0, 5, 200), truth) < 0.2


def test_unknown_pictures_are_left_out() -> None:
    told, known = np.array([1.0, 2.0, 9.0, 3.0]), np.array([1.0, 2.5, np.nan, 3.0])
    assert intraclass_correlation(told, known) == intraclass_correlation(told[[0, 1, 3]], known[[0, 1, 3]])
    assert mean_absolute_error(told, known) == pytest.approx(0.5 / 3)


def test_what_cannot_be_told_is_nan() -> None:
    assert np.isnan(intraclass_correlation(np.zeros(3), np.zeros(3)))
    assert np.isnan(intraclass_correlation(np.array([1.0]), np.array([2.0])))
    assert np.isnan(mean_absolute_error(np.array([1.0]), np.array([np.nan])))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        intraclass_correlation(np.zeros(3), np.zeros(4))
