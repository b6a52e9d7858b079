from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.published_rates import PUBLISHED_RATES
from metafacs.data.twins.task_programmes import TASK_PROGRAMMES, sample_person, sample_session
from metafacs.facs import BP4D_AUS
from metafacs.synthesis.activations import RENDERED_AUS, resolve_conflicts

PUBLISHED = PUBLISHED_RATES["bp4d"][0].rates


def test_programmes_cover_the_eight_tasks_and_the_evaluated_aus():
    assert list(TASK_PROGRAMMES) == [f"T{number}" for number in range(1, 9)]
    for programme in TASK_PROGRAMMES.values():
        assert set(BP4D_AUS) <= set(programme.rates) <= set(RENDERED_AUS)
        assert all(0 < rate < 1 for rate in programme.rates.values())


def test_rates_over_all_people_are_near_the_published_ones():
    present = dict.fromkeys(PUBLISHED, 0)
    frames = 0
    for seed in range(3):
        for number in range(41):
            rng = np.random.default_rng([seed, number])
            person = sample_person(rng)
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


def test_courses_rise_and_fall_through_level_a():
    rng = np.random.default_rng(0)
    person = sample_person(rng)
    steps, traces, apexes = [], 0, 0
    for _ in range(40):
        session = sample_session(rng, TASK_PROGRAMMES["T1"], person, 400)
        course = session.intensities[12]
        assert course.shape == (400,)
        assert course.min() >= 0
        assert course.max() <= 1
        steps.append(np.abs(np.diff(course)).max())
        traces += int(((course > 0.05) & (course < 0.2)).sum())
        apexes += int((course > 0.5).sum())
    assert np.median(steps) < 0.25, "an apex is not reached from one frame to the next"
    assert traces > 40
    assert apexes > 1000


def test_people_differ_and_repeat():
    one, again, other = (sample_person(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    session, repeated = (
        sample_session(np.random.default_rng(5), TASK_PROGRAMMES["T6"], one, 100) for _ in range(2)
    )
    np.testing.assert_array_equal(session.pose, repeated.pose)
    np.testing.assert_array_equal(session.intensities[4], repeated.intensities[4])


def test_gaze_and_pose_stay_in_range():
    rng = np.random.default_rng(0)
    person = sample_person(rng)
    for programme in TASK_PROGRAMMES.values():
        session = sample_session(rng, programme, person, 200)
        assert np.abs(session.gaze).max() <= 0.8
        assert np.abs(session.pose).max() < 0.6


def test_empty_session_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least one frame"):
        sample_session(rng, TASK_PROGRAMMES["T1"], sample_person(rng), 0)
