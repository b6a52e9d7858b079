from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
import torch

from metafacs.metrics.expression import class_recalls, confusion_matrix, expression_accuracy, mean_recall

# RAF-CE's test set and Table 2 of the RAF-CE paper (per-class accuracy in percent, overall, "Diag.").
TEST_COUNTS = (126, 54, 36, 44, 25, 178, 43, 113, 6, 44, 194, 37, 1, 8)
TABLE_2 = {
    "STL": (
        (57.14, 18.52, 11.11, 9.09, 12.00, 73.03, 39.53, 78.76, 0, 29.55, 64.95, 0, 0, 0),
        468,
        51.49,
        28.12,
    ),
    "MTL": (
        (62.70, 18.52, 8.33, 11.36, 24.00, 71.35, 41.86, 74.34, 0, 27.27, 71.65, 2.70, 0, 0),
        484,
        53.25,
        29.58,
    ),
    "MML": (
        (77.78, 7.41, 27.78, 13.64, 20.00, 62.92, 41.86, 61.95, 0, 25.00, 84.54, 8.11, 0, 12.5),
        502,
        55.23,
        31.68,
    ),
}


@pytest.mark.parametrize("method", TABLE_2)
def test_table_2_of_raf_ce_follows_from_its_counts(method: str) -> None:
    printed, correct_in_all, printed_accuracy, printed_diagonal = TABLE_2[method]
    targets, predicted = [], []
    for label, (count, percent) in enumerate(zip(TEST_COUNTS, printed, strict=True)):
        correct = round(percent / 100 * count)
        targets += [label] * count
        predicted += [label] * correct + [(label + 1) % 14] * (count - correct)
    confusion = confusion_matrix(torch.tensor(predicted), torch.tensor(targets), 14)
    assert confusion.sum().item() == 909
    assert confusion.diagonal().sum().item() == correct_in_all
    np.testing.assert_allclose(100 * class_recalls(confusion).numpy(), printed, atol=0.006)
    assert 100 * expression_accuracy(confusion).item() == pytest.approx(printed_accuracy, abs=0.006)
    assert 100 * mean_recall(confusion).item() == pytest.approx(printed_diagonal, abs=0.006)


def test_scores_agree_with_scikit_learn_on_the_known_labels() -> None:
    rng = np.random.default_rng(0)
    scores, targets = rng.random((60, 4)), rng.integers(-1, 4, 60)
    confusion = confusion_matrix(torch.from_numpy(scores), torch.from_numpy(targets), 4)
    known = targets >= 0
    truth, guess = targets[known], scores.argmax(1)[known]
    np.testing.assert_array_equal(confusion.numpy(), reference.confusion_matrix(truth, guess))
    assert expression_accuracy(confusion).item() == pytest.approx(reference.accuracy_score(truth, guess))
    assert mean_recall(confusion).item() == pytest.approx(reference.balanced_accuracy_score(truth, guess))


def test_class_without_pictures_is_left_out_of_the_mean() -> None:
    confusion = confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 3)
    assert torch.isnan(class_recalls(confusion)[2])
    assert mean_recall(confusion).item() == pytest.approx(0.75)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        confusion_matrix(torch.tensor([0, 1]), torch.tensor([0]), 2)
    with pytest.raises(ValueError, match="not below the number of classes"):
        confusion_matrix(torch.tensor([0]), torch.tensor([7]), 7)
