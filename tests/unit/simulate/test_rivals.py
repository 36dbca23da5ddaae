"""All rivals in one world: what each of them must do to be one."""

import time

import pytest

from fakes.plainworld import play
from fakes.views import seen, setting
from trimtab.simulate.rivals import RIVALS
from trimtab.simulate.rivals.static import desired, static
from trimtab.simulate.view import Signal
from trimtab.units import RequestsPerSecond

STEP = [8.0] * 600 + [24.0] * 600
FAST = 0.15
"""Seconds for an hour of trace; twice of it is allowed here, since tests run beside others."""


@pytest.mark.parametrize("name", RIVALS)
def test_each_has_a_name_a_source_and_a_sweep_around_its_default(name: str) -> None:
    """Knobs ascend, six to nine of them; what is shipped is among them or between them."""
    rival = RIVALS[name]

    assert rival.name == name
    assert rival.knob
    assert rival.source
    assert 6 <= len(rival.sweep) <= 9
    assert list(rival.sweep) == sorted(set(rival.sweep))
    assert rival.sweep[0] <= rival.default <= rival.sweep[-1]


@pytest.mark.parametrize("name", RIVALS)
def test_each_follows_a_step(name: str) -> None:
    """Three times the traffic, for ten minutes, is at some time met with more replicas than before."""
    model = setting(service=0.5, max_replicas=40)
    rival = RIVALS[name]

    outcome = play(STEP, model, rival.make(rival.default, model), first=6)

    assert max(outcome.ready[600:]) > outcome.ready[590]


@pytest.mark.parametrize("name", RIVALS)
def test_each_begins_anew_for_each_run(name: str) -> None:
    """Two runs of two made alike are the same: nothing is kept from one to the next."""
    model = setting(service=0.5, max_replicas=40)
    rival = RIVALS[name]

    first, second = (play(STEP, model, rival.make(rival.default, model), first=6) for _ in range(2))

    assert first == second


@pytest.mark.parametrize("name", RIVALS)
def test_each_is_fast(name: str) -> None:
    """An hour of trace takes 0.15 s or less where nothing runs beside it."""
    model = setting(service=0.5, max_replicas=40)
    autoscaler = RIVALS[name].make(RIVALS[name].default, model)

    began = time.process_time()
    play(STEP * 3, model, autoscaler, first=6)

    assert time.process_time() - began < 2.0 * FAST


def test_a_static_peak_is_capacity_for_the_busiest_minute_and_some_more() -> None:
    """12 requests/s at 2 each, and 30 % on top: 8 replicas; never fewer than one."""
    assert desired(RequestsPerSecond(12.0), RequestsPerSecond(2.0), 1.3) == 8
    assert desired(RequestsPerSecond(10.0), RequestsPerSecond(2.0), 1.0) == 5
    assert desired(RequestsPerSecond(0.0), RequestsPerSecond(2.0), 1.3) == 1


def test_a_static_peak_never_falls() -> None:
    """Not for quiet, and not for a second's burst: a minute has to be that busy."""
    autoscaler = static(1.0, setting())

    assert autoscaler(seen(59, {Signal.ARRIVALS: 50.0}, ready=2)) == 2
    assert autoscaler(seen(60, {Signal.ARRIVALS: 5.0}, ready=2)) == 5
    assert autoscaler(seen(600, {}, ready=2)) == 5
