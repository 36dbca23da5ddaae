"""Three accounts of a run: each by its own means, and how far they are apart."""

import dataclasses

import pytest

from demo.compare import AGREED, Account, accounts, estimated, table
from demo.gauges import Gauges
from demo.record import Record
from fakes.demo_records import HALF, blind, moment, run


def by_name(record: Record) -> dict[str, Account]:
    """Return the accounts of a record by what they are of."""
    return {each.name: each for each in accounts(record)}


def test_each_of_the_three_is_taken_from_where_it_stands() -> None:
    """The operator's from its gauges, the ledger's from requests and pods, Prometheus' from what was recomputed."""
    found = by_name(run())

    requests, in_time = found["requests answered"], found["of these in time"]
    assert (requests.operator, requests.ledger, requests.prometheus) == (None, 598, 597)
    assert in_time.operator == pytest.approx(0.96)
    assert (in_time.ledger, in_time.prometheus) == (570 / 598, 0.95)
    assert (in_time.least, in_time.most) == (0.94, 0.97)
    replicas, cost = found["replica-seconds"], found["cost, USD"]
    assert (replicas.operator, replicas.ledger, replicas.prometheus) == (40, 40, 39)
    hourly = 0.8 / 3600
    assert (cost.operator, cost.ledger, cost.prometheus) == pytest.approx((40 * hourly, 40 * hourly, 39 * hourly))


def test_the_distance_is_that_of_the_farthest_two_of_what_is_true() -> None:
    """Whoever is in the middle; who does not know is not counted, and one alone is not compared."""
    account = Account(name="cost", spelled=str, operator=90.0, ledger=100.0, prometheus=105.0)

    assert account.apart == pytest.approx(0.15)
    assert dataclasses.replace(account, operator=None).apart == pytest.approx(0.05)
    assert dataclasses.replace(account, operator=None, prometheus=None).apart is None
    assert dataclasses.replace(account, ledger=0.0).apart is None


def test_an_estimate_weighs_as_much_as_the_requests_of_its_minute() -> None:
    """Not as those of its own second: what it is about came before a rise or fall of the traffic."""
    record = run()
    busy = [moment(float(at_s), 1, gauges=Gauges(demand=100.0, within=0.5)) for at_s in range(31)]
    quiet = [moment(float(at_s), 1, gauges=Gauges(demand=0.0, within=1.0)) for at_s in range(31, 61)]

    found = estimated([*busy, *quiet])

    assert found == pytest.approx((3000 * 31 * 0.5 + 2400 * 0.5 + 2400 * 30) / (3000 * 31 + 2400 * 31))
    assert estimated(record.moments) == pytest.approx(0.96)


def test_what_is_not_known_is_a_dash() -> None:
    """No estimate, no cost, nothing recomputed: none of these is zero."""
    record = blind()
    said = list(table([record]))

    assert "of these in time" not in {name for name, each in by_name(record).items() if each.operator is not None}
    assert [each.apart for each in accounts(record)] == [None, None, None]
    assert not [name for name in by_name(record) if name.startswith("cost")]
    assert "replica-seconds                -          40             -         -" in "\n".join(said)


def test_a_gap_in_what_the_operator_said_is_no_zero() -> None:
    """Its total is unknown then."""
    record = run()
    record.moments[5] = moment(5.0, 1, gauges=Gauges(existing=1.0))

    assert by_name(record)["cost, USD"].operator is None
    assert by_name(record)["replica-seconds"].operator == pytest.approx(40)


def test_the_table_says_how_far_they_are_apart() -> None:
    """In columns, with the largest difference and whether that is little enough."""
    assert list(table([run()])) == [
        "  fraud-scorer            operator      ledger    Prometheus     apart  surely",
        "  requests answered              -         598           597    0.17 %",
        "  of these in time         96.00 %     95.32 %       95.00 %    1.05 %  94.00 % to 97.00 %",
        "  replica-seconds               40          40            39    2.50 %",
        "  cost, USD                 0.0089      0.0089        0.0087    2.50 %",
        "The largest difference is 2.50 % (replica-seconds of fraud-scorer): not all within 2%.",
    ]
    assert AGREED == 0.02


def test_a_run_that_is_not_over_has_no_accounts() -> None:
    """Whoever asks too early is told so."""
    with pytest.raises(ValueError, match="ledger of fraud-scorer was not closed"):
        accounts(dataclasses.replace(run(), truth=None))


def test_the_integral_is_of_time() -> None:
    """Ten seconds with one replica and ten with three, however often somebody looked."""
    record = run()
    rare = [each for each in record.moments if each.at_s in {0, HALF, 2 * HALF}]

    assert by_name(dataclasses.replace(record, moments=rare))["replica-seconds"].ledger == 40
