"""Pods that come and go under traffic: nothing is lost from the books, and the same again is the same again."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from demo.fleet import Fleet
from demo.ledger import Account, Failure
from demo.routes import ROUTES, Connections, Routing
from demo.service import OnTimeout, Service
from demo.traffic import steady

SERVICE = Service(base_s=0.02, per_item_s=0.01, max_batch_size=4, max_queue_delay_s=0.01, queue_timeout_s=0.2)
RATE = 120.0  # one pod serves 66 in a second, so queues grow at times
LASTS_S = 8
CALLS: dict[str, Callable[[Fleet, str], None]] = {
    "join": lambda fleet, pod: fleet.join(pod, SERVICE),
    "unroute": Fleet.unroute,
    "leave": Fleet.leave,
    "vanish": Fleet.vanish,
    "nothing": lambda _fleet, _pod: None,
}
Plan = list[tuple[float, str, str]]
plans = st.lists(
    st.tuples(st.floats(0.0, 1.0), st.sampled_from(sorted(CALLS)), st.sampled_from(["a", "b", "c"])), max_size=8
)


def play(plan: Plan, *, routing: Routing = Routing.RANDOM, pieces: int = 1) -> Fleet:
    """Return a fleet after a plan of waits and calls, each wait in so many pieces."""
    fleet = Fleet(0.1, route=ROUTES[routing](), seed=7)
    fleet.join("a", SERVICE)
    fleet.feed(steady(RATE, LASTS_S).arrivals(seed=3))
    for wait_s, call, pod in plan:
        begins, ends = fleet.now_s, fleet.now_s + wait_s
        for piece in range(1, pieces):
            fleet.advance(begins + wait_s * piece / pieces)
        fleet.advance(ends)
        CALLS[call](fleet, pod)
    return fleet


@settings(max_examples=30, deadline=None)
@given(plan=plans, routing=st.sampled_from(Routing), action=st.sampled_from(OnTimeout))
def test_every_request_is_answered_failed_or_still_there(plan: Plan, routing: Routing, action: OnTimeout) -> None:
    """Arrivals = completions + failures + outstanding, always; in the end nothing is outstanding."""
    fleet = play(plan, routing=routing)
    total = fleet.ledger.total
    assert total.arrived == total.completed + total.failed + fleet.outstanding

    fleet.join("last", Service(base_s=0.01, queue_timeout_s=0.5, on_timeout=action))
    fleet.advance(1_000)

    assert fleet.outstanding == 0
    assert total.arrived == total.completed + total.failed == len(list(steady(RATE, LASTS_S).arrivals(seed=3)))
    assert sum(fleet.ledger.failures.values()) == total.failed
    assert sum(fleet.ledger.completed_by.values()) == total.completed
    summed = fleet.ledger.between(0, 1_000)
    assert summed.seconds == pytest.approx(total.seconds)
    assert replace(summed, seconds=total.seconds) == total


@settings(max_examples=20, deadline=None)
@given(plan=plans, routing=st.sampled_from(Routing), pieces=st.integers(2, 5))
def test_how_often_the_clock_is_moved_changes_nothing(plan: Plan, routing: Routing, pieces: int) -> None:
    """History depends on the seed and on what happens when, not on who looked in between."""
    at_once, in_pieces = play(plan, routing=routing), play(plan, routing=routing, pieces=pieces)

    assert at_once.ledger.total == in_pieces.ledger.total
    assert at_once.ledger.failures == in_pieces.ledger.failures
    assert at_once.ledger.latencies(0, 100) == in_pieces.ledger.latencies(0, 100)


def test_a_pod_serves_from_the_moment_at_which_it_joins() -> None:
    """Without a pod, requests fail; a new pod has counted nothing yet."""
    fleet = play([(2.0, "leave", "a"), (2.0, "join", "b")])
    assert fleet.servers["b"].counters.success == 0
    assert fleet.ledger.failures == {Failure.NO_POD: fleet.ledger.between(2, 4).arrived}

    fleet.advance(5.0)

    assert fleet.servers["b"].counters.success > 0
    assert fleet.ledger.failures[Failure.NO_POD] == fleet.ledger.between(2, 4).arrived


def test_a_pod_that_leaves_ends_its_work_and_one_that_vanishes_loses_it() -> None:
    """Draining costs no request; a lost pod costs all that it had."""
    had, lost = {}, {}
    for call in ("leave", "vanish"):
        fleet = play([(3.0, "join", "b")])
        had[call] = fleet.servers["a"].outstanding
        CALLS[call](fleet, "a")
        fleet.advance(100)
        lost[call] = fleet.ledger.failures[Failure.LOST]
        assert "a" not in fleet.servers

    assert had["leave"] == had["vanish"] > 0
    assert lost == {"leave": 0, "vanish": had["vanish"]}


def test_a_pod_that_comes_back_after_it_vanished_counts_from_zero() -> None:
    """Counters live in the process: what Prometheus calls a reset."""
    fleet = play([(2.0, "vanish", "a"), (0.0, "join", "a")])

    assert fleet.servers["a"].counters.success == 0
    assert fleet.ledger.completed_by["a"] > 0


def test_a_pod_that_lost_ready_for_a_while_keeps_its_counters() -> None:
    """It gets no requests meanwhile."""
    fleet = play([(2.0, "unroute", "a"), (2.0, "nothing", "a")])
    before = fleet.servers["a"].counters.success
    assert fleet.servers["a"].outstanding == 0

    fleet.join("a", SERVICE)
    fleet.advance(6.0)

    assert fleet.servers["a"].counters.success > before > 0


def test_connections_stay_with_a_pod_until_they_are_old() -> None:
    """A new pod gets no gRPC client before connections age: that is what imbalance comes from."""
    fleet = Fleet(0.1, route=Connections(clients=20, max_age_s=10), seed=5)
    fleet.join("a", SERVICE)
    fleet.feed(steady(50, 60).arrivals(seed=3))
    fleet.advance(5)
    fleet.join("b", SERVICE)

    fleet.advance(8)
    early = fleet.servers["b"].counters.success
    fleet.advance(60)
    a, b = (fleet.ledger.completed_by[pod] for pod in ("a", "b"))

    assert early == 0
    assert 0.3 < b / (a + b) < 0.7


def test_new_traffic_takes_the_place_of_the_old() -> None:
    """Moments that are past are skipped, not made up for."""
    fleet = play([(2.0, "nothing", "a")])
    before = fleet.ledger.total.arrived

    fleet.feed([0.5, 1.5, 3.0, 4.0])
    fleet.advance(100)

    assert fleet.ledger.total.arrived == before + 2


def test_the_ledger_forgets_what_is_old_and_keeps_the_sums() -> None:
    """Memory is bounded by `keep_s`, also where traffic has gaps."""
    fleet = Fleet(0.1)
    fleet.ledger._keep_s = 100
    fleet.join("a", SERVICE)
    fleet.feed([1.0, 2.0, 50.0, 140.0, 500.0])

    fleet.advance(1_000)

    assert fleet.ledger.total.completed == 5
    assert fleet.ledger.between(0, 1_000).completed == 1
    assert fleet.ledger.latencies(0, 1_000).count == 1
    assert fleet.ledger.between(2_000, 3_000) == Account()
