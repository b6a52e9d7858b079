from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest
import torch

from metafacs.data.store import Store


def test_ends_with_one_json_line(
    benchmark: ModuleType,
    au_store: Store,
    wild_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(benchmark, "EPOCHS", 2)
    threads = torch.get_num_threads()
    benchmark.main([str(au_store.path), str(wild_store.path), "--aus", "1", "12", "--seeds", "0"])
    torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("bp4d to emotionet, synthetic: 64 pictures train; tested on 32 of held-out")
    results = json.loads(lines[-1])["results"]
    assert list(results) == ["coordinates", "map 16 x 16", "map 44 x 44"]
    for figures in results.values():
        assert all(0 <= value <= 100 for test in ("source", "target") for value in figures[test][0])


def test_learns_what_landmarks_tell(benchmark: ModuleType) -> None:
    torch.manual_seed(0)
    labels = (torch.rand(1200, 2) < 0.5).float()
    landmarks = torch.rand(49, 2) * 0.6 + 0.2 + 0.01 * torch.randn(1200, 49, 2)
    landmarks[:, 31, 1] += 0.1 * labels[:, 0]  # a corner of the mouth shows the first, nothing the second
    labels[::7, 0] = torch.nan
    for view in (benchmark.coordinates, benchmark.maps(16)):
        model = benchmark.trained(view(landmarks[:1000]), labels[:1000], seed=0)
        area = benchmark.area_under_roc(model(view(landmarks[1000:])), labels[1000:])
        assert area[0] > 0.95
        assert abs(area[1] - 0.5) < 0.2


def test_a_map_shows_every_landmark_in_its_cell(benchmark: ModuleType) -> None:
    landmarks = torch.full((1, 49, 2), 0.5)
    landmarks[0, 31] = torch.tensor([0.75, 0.25])
    shown = benchmark.maps(16)(landmarks).reshape(16, 16)
    torch.testing.assert_close(shown.sum(), torch.tensor(49.0))
    assert shown.argmax() == 8 * 16 + 8
    assert shown[4, 12] == shown[:6, 10:].max()


def test_leaves_out_pictures_without_landmarks_or_labels(benchmark: ModuleType, au_store: Store) -> None:
    everybody = np.ones(len(au_store), dtype=bool)
    store = Store(au_store.path)
    store.landmarks[3, 40] = np.nan
    store.action_units[5] = np.nan
    landmarks, labels = benchmark.known_rows(store, everybody, [1, 4, 12])
    unlabelled = int(np.isnan(store.action_units).all(axis=1).sum())
    assert len(landmarks) == len(labels) == len(store) - 1 - unlabelled
    assert float(landmarks.max()) <= 1
