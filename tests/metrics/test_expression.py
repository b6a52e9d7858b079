from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
import torch

from metafacs.metrics.expression import class_recalls, confusion_matrix, expression_accuracy, mean_recall
from metafacs.reports.papers import PAPERS

PAPER = PAPERS["mml"].expressions["raf_ce", "raf_ce"]
CORRECT = {"STL": 468, "MTL": 484, "MML, wild": 502}
"""Right answers among the 909 test pictures, counted from the printed percentages."""


@pytest.mark.parametrize("row", PAPER.recalls)
def test_table_2_of_raf_ce_follows_from_its_counts(row: str) -> None:
    targets, predicted = [], []
    for label, (count, percent) in enumerate(zip(PAPER.pictures, PAPER.recalls[row], strict=True)):
        correct = round(percent / 100 * count)
        targets += [label] * count
        predicted += [label] * correct + [(label + 1) % 14] * (count - correct)
    confusion = confusion_matrix(torch.tensor(predicted), torch.tensor(targets), 14)
    assert confusion.sum().item() == 909
    assert confusion.diagonal().sum().item() == CORRECT[row]

    def printed(share: float) -> float:
        return round(100 * share, 2)

    assert [printed(recall) for recall in class_recalls(confusion).tolist()] == list(PAPER.recalls[row])
    assert printed(expression_accuracy(confusion).item()) == PAPER.accuracy[row]
    assert printed(mean_recall(confusion).item()) == PAPER.mean_recall[row]


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
