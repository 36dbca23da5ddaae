"""The report: what is integrated, what is not known, and how it is said."""

import dataclasses
import math

import pytest

from demo.fleet import Fleet
from demo.record import Said, said_in, seconds, traffic_now, truth_since
from demo.report import figures, lines, milliseconds, percent
from demo.service import Service
from demo.traffic import steady
from fakes.demo_records import HALF, blind, moment, run


def test_time_is_integrated_and_not_looks() -> None:
    """Ten seconds of one replica and ten of three are two on average, whether or not looks come evenly."""
    record = run()
    uneven = dataclasses.replace(record, moments=[each for each in record.moments if each.at_s not in {3, 4, 5, 17}])

    for found in (figures(record), figures(uneven)):
        assert found.replicas == pytest.approx(2)
        assert found.gpu_hours == pytest.approx(40 / 3600)
        assert found.cost == pytest.approx(40 / 3600 * 0.8)
        assert found.cost_of_most == pytest.approx(60 / 3600 * 0.8)
        assert (found.fewest, found.most, found.seconds) == (1, 3, 2 * HALF)


def test_what_failed_was_not_in_time() -> None:
    """Of 600 requests, 570 were answered in time and two not at all."""
    assert figures(run()).attained == 570 / 600


def test_what_is_not_known_is_not_zero() -> None:
    """Without a price there is no cost; the report says so."""
    record = blind()
    found = figures(record)
    said_of_it = "\n".join(lines([record]))

    assert found.cost is found.cost_of_most is None
    assert "cost                 unknown: the pool has no price" in said_of_it
    assert "0.0000" not in said_of_it


def test_the_report_has_every_figure() -> None:
    """A person reads it from above to below."""
    assert list(lines([run()])) == [
        "fraud-scorer",
        "  requests             600 in 20 s, 2 of them failed: its pod vanished (2)",
        "  within 80 ms         95.0 %",
        "  p99 of all answers   90 ms",
        "  replicas             1 to 3, 2.00 on average",
        "  GPU-hours            0.0111",
        "  cost                 0.0089 USD",
        "  saved                33.3 % of 0.0133 USD: 3 replicas all the time",
    ]


def test_nothing_seen_is_an_error() -> None:
    """A run that was not looked at has no figures."""
    with pytest.raises(ValueError, match="nothing was seen of fraud-scorer"):
        figures(dataclasses.replace(run(), moments=[]))


@pytest.mark.parametrize(
    ("duration_s", "shown"), [(0.0614, "61.4 ms"), (1.0, "1.0 s"), (0.0004, "0.4 ms"), (None, "-"), (math.nan, "-")]
)
def test_a_duration_is_said_as_people_say_it(duration_s: float | None, shown: str) -> None:
    """Milliseconds below a second; a dash is what is not known."""
    assert milliseconds(duration_s) == shown


def test_an_unknown_share_is_a_dash() -> None:
    """And not 0 or nan."""
    assert (percent(math.nan), percent(0.5)) == ("-", "50.0 %")


def test_a_status_is_read_with_its_units() -> None:
    """Durations become seconds, percents shares, money numbers."""
    status = {
        "decision": {"desiredReplicas": 4, "wantedReplicas": 6, "boundBy": "MaxReplicas", "message": "4 replicas"},
        "latency": {"observed": "61ms", "withinTargetPercent": "99.2"},
        "cost": {"hourly": "3.20", "currency": "USD"},
    }

    assert said_in(status) == Said(
        wanted=6,
        decided=4,
        bound_by="MaxReplicas",
        message="4 replicas",
        latency_s=0.061,
        within=0.992,
        hourly=3.2,
        currency="USD",
    )


@pytest.mark.parametrize("status", [{}, {"decision": None, "latency": None, "cost": {}}])
def test_a_status_that_says_nothing_is_not_read_as_zero(status: dict[str, object]) -> None:
    """A model that was just made has none."""
    assert said_in(status) == Said()


@pytest.mark.parametrize(("text", "found_s"), [("80ms", 0.08), ("2.5s", 2.5), ("10m", 600), ("500us", 0.0005)])
def test_durations_of_the_api_are_understood(text: str, found_s: float) -> None:
    """In each of its units."""
    assert seconds(text) == pytest.approx(found_s)


@pytest.mark.parametrize("text", ["", "80", "-5s", "80 ms", "1h30m"])
def test_anything_else_is_no_duration(text: str) -> None:
    """The error says what one looks like."""
    with pytest.raises(ValueError, match="written like 80ms"):
        seconds(text)


def test_changes_are_the_moments_of_another_decision() -> None:
    """The first one counts, and what is not known is no change."""
    record = run()
    record.moments[HALF + 3] = moment(HALF + 3.0, 3, said=Said())

    assert [each.at_s for each in record.changes] == [0, HALF]


def test_the_ledger_is_read_as_of_now_and_as_of_the_beginning() -> None:
    """The shown rate is of whole seconds; the truth has all requests, those that no pod was there for too."""
    fleet = Fleet(0.08, seed=1)
    fleet.feed(steady(40.0, 60).arrivals(seed=1))
    fleet.advance(5.0)
    fleet.join("pod", Service(base_s=0.02))
    fleet.advance(30.5)

    rate, p99_s = traffic_now(fleet)
    truth = truth_since(fleet, 0.0)

    assert rate == pytest.approx(fleet.ledger.between(27, 30).arrived / 3)
    assert 0.02 < p99_s < 0.5
    assert truth.account.arrived == fleet.ledger.total.arrived
    assert truth.failures == {"no pod was ready": fleet.ledger.between(0, 5).arrived}
