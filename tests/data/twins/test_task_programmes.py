from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.facts import BP4D
from metafacs.data.twins.sessions import sample_person, sample_session
from metafacs.data.twins.task_programmes import TASK_PROGRAMMES
from metafacs.synthesis.activations import RENDERED_AUS, resolve_conflicts

PUBLISHED = BP4D.rates[0].rates


AUS = {au for programme in TASK_PROGRAMMES.values() for au in programme.rates}


def test_programmes_cover_the_eight_tasks_and_the_evaluated_aus():
    assert list(TASK_PROGRAMMES) == [f"T{number}" for number in range(1, 9)]
    for programme in TASK_PROGRAMMES.values():
        assert set(BP4D.evaluated_aus) <= set(programme.rates) <= set(RENDERED_AUS)
        assert all(0 < rate < 1 for rate in programme.rates.values())


def test_rates_over_all_people_are_near_the_published_ones():
    present = dict.fromkeys(PUBLISHED, 0)
    frames = 0
    for seed in range(3):
        for number in range(41):
            rng = np.random.default_rng([seed, number])
            person = sample_person(rng, AUS)
            for programme in TASK_PROGRAMMES.values():
                session = sample_session(rng, programme, person, 300)
                for frame in range(10, 300, 70):
                    wanted = {au: float(course[frame]) for au, course in session.intensities.items()}
                    shown = resolve_conflicts({au: x for au, x in wanted.items() if x > 0.02}, rng)
                    frames += 1
                    for au in PUBLISHED:
                        present[au] += shown.get(au, 0) >= 0.2
    for au, rate in PUBLISHED.items():
        assert present[au] / frames == pytest.approx(rate, abs=0.07), f"AU{au}"
