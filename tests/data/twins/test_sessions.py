from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metafacs.data.twins.sessions import Moment, Programme, sample_person, sample_session, share_out
from metafacs.data.twins.task_programmes import TASK_PROGRAMMES

AUS = {au for programme in TASK_PROGRAMMES.values() for au in programme.rates}
FILM = Programme(
    "two scenes",
    {4: 0.1, 12: 0.1},
    moments=(Moment(0.1, 0.4, (12,)), Moment(0.6, 0.9, (4,))),
    spontaneity=0.2,
    hinted=0.003,
    sway=0.02,
)


def test_courses_rise_and_fall_through_level_a():
    rng = np.random.default_rng(0)
    person = sample_person(rng, AUS)
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
    one, again, other = (sample_person(np.random.default_rng(seed), AUS) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    session, repeated = (
        sample_session(np.random.default_rng(5), TASK_PROGRAMMES["T6"], one, 100) for _ in range(2)
    )
    np.testing.assert_array_equal(session.pose, repeated.pose)
    np.testing.assert_array_equal(session.intensities[4], repeated.intensities[4])


def test_gaze_and_pose_stay_in_range():
    rng = np.random.default_rng(0)
    person = sample_person(rng, AUS)
    for programme in TASK_PROGRAMMES.values():
        session = sample_session(rng, programme, person, 200)
        assert np.abs(session.gaze).max() <= 0.8
        assert np.abs(session.pose).max() < 0.6


def test_empty_session_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least one frame"):
        sample_session(rng, TASK_PROGRAMMES["T1"], sample_person(rng, AUS), 0)


def test_moments_decide_when_an_action_unit_is_shown():
    during = {4: 0, 12: 0}
    shown = {4: 0, 12: 0}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        person = sample_person(rng, FILM.rates)
        session = sample_session(rng, FILM, person, 2000, shares={4: 0.08, 12: 0.08})
        for au, moment in ((12, slice(200, 900)), (4, slice(1200, 1900))):
            present = session.intensities[au] >= 0.2
            assert present.mean() == pytest.approx(0.08, abs=0.01)
            shown[au] += int(present.sum())
            during[au] += int(present[moment].sum())
    assert during[4] / shown[4] > 0.7
    assert during[12] / shown[12] > 0.7


def test_only_a_programme_with_sway_moves_the_head_in_the_picture():
    rng = np.random.default_rng(0)
    person = sample_person(rng, FILM.rates)
    framing = sample_session(rng, FILM, person, 200, frames_per_second=20).framing
    assert framing is not None
    assert framing.shape == (200, 3)
    assert np.abs(np.diff(framing, axis=0)).max() < 0.01, "the head drifts, it does not jump"
    assert sample_session(rng, replace(FILM, sway=0.0), person, 200).framing is None


def test_shares_are_dealt_so_that_the_rates_come_out():
    rates = {1: 0.04, 12: 0.3}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        people = [sample_person(rng, rates) for _ in range(27)]
        shares = share_out(rng, rates, people)
        for au, rate in rates.items():
            own = np.array([share[au] for share in shares])
            assert own.mean() == pytest.approx(rate, rel=0.15)
            inclined = [person.tendencies[au] + person.composure for person in people]
            assert np.corrcoef(own, inclined)[0, 1] > 0.3
            assert own.std() > 0.5 * rate
