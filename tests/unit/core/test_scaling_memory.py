"""What is remembered between decisions, and what becomes of it when somebody else wrote it."""

import json
from dataclasses import replace

import pytest

from fakes.measured import EPOCH, LINEAR, levels
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.forecast import CENTRES, HORIZONS, DemandMemory, Learned
from trimtab.core.scaling.memory import (
    MOST_MOVES,
    MOST_RECOMMENDATIONS,
    MOST_REPLICAS,
    MOST_STARTS,
    MOST_STORED,
    ColdStart,
    ScalingMemory,
    cold_start_p90,
    from_json,
    to_json,
    with_cold_starts,
    with_decision,
    with_recommendation,
)
from trimtab.core.scaling.price import DEAREST, Price
from trimtab.units import Replicas, Seconds


def start(at: int, loaded: int = 10) -> ColdStart:
    """Return a start that took as long to load, and ten seconds besides."""
    return ColdStart(at=at, scheduled=1, pulled=2, fetched=3, loaded=loaded, warm=4)


FULL = Learned(squares=(1_038.1234,) * 6, products=(1_038.1234,) * 3, missed=(0.001234,) * len(CENTRES))


def full() -> ScalingMemory:
    """Return a memory with as much as there can be in it, and the longest numbers."""
    memory = ScalingMemory(
        variant="v" * 63,
        times=ServiceTimes(**dict.fromkeys(vars(LINEAR), 123.456789)),
        demand=DemandMemory(unit=24.494897427831781, until=EPOCH - 1.2345, learned=(FULL,) * HORIZONS),
        price=Price(log=-1.23456, rate=1234.56),
    )
    memory = with_cold_starts(memory, (start(EPOCH - 86_400 + at, loaded=9_999) for at in range(30)), EPOCH)
    for ago in range(1_000, 0, -1):
        memory = with_recommendation(memory, 10**6 + ago, EPOCH - ago)
        memory = with_decision(memory, Replicas(1_000 - ago % 2), EPOCH - ago)
    return memory


def test_a_full_memory_is_small_and_comes_back_as_it_was() -> None:
    """400 models share one ConfigMap of a megabyte."""
    memory = full()

    assert (len(memory.wanted), len(memory.moves), len(memory.cold_starts)) == (41, MOST_MOVES, MOST_STARTS)
    assert memory.wanted[0].replicas == MOST_REPLICAS
    assert len(memory.wanted) <= MOST_RECOMMENDATIONS
    assert len(to_json(memory).encode()) <= MOST_STORED
    assert from_json(to_json(memory)) == memory


def test_an_empty_memory_comes_back_empty() -> None:
    """Before the first decision."""
    assert from_json(to_json(ScalingMemory())) == ScalingMemory()


def stored(**changes: object) -> str:
    """Return a stored memory with some of it written by somebody else."""
    return json.dumps(json.loads(to_json(full())) | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "\ud800",
        '{"at": 1}',
        stored(at=-1),
        stored(at="now"),
        stored(variant=None),
        stored(variant="v" * 64),
        stored(times=[1.0]),
        stored(times=[float("nan")] * 7),
        stored(times=[float("inf")] * 7),
        stored(times=[-1.0] * 7),
        stored(times=[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
        stored(times=[5.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
        stored(times=[5.0, 5.0, 5.0, 0.0, 0.0, 1.0, 0.0]),
        stored(wanted=[[0, 10_000]]),
        stored(wanted=[[0, True]]),
        stored(wanted=[[0, 1]] * 100),
        stored(moves=[[0]]),
        stored(starts=[[0, 1, 2, 3, 4, -5]]),
        stored(price=[DEAREST + 0.1, 1.0]),
        stored(price=[None, 1.0]),
        stored(demand=[1.0, 0.0, []]),
        stored(demand=[float("nan"), 0.0, [[[0.0] * 6, [0.0] * 3, [0.0] * len(CENTRES)]] * HORIZONS]),
        stored(demand=[1.0, 0.0, [[[0.0] * 6, [0.0] * 3, [-1.0] * len(CENTRES)]] * HORIZONS]),
        stored(demand=[1.0, 0.0, [[[0.0] * 6, [0.0] * 3, [0.0] * 9]] * HORIZONS]),
        "[" * 100_000,
    ],
)
def test_what_somebody_else_wrote_is_forgotten(text: str) -> None:
    """As a whole: without a memory nothing is made smaller for a hold."""
    assert from_json(text) == ScalingMemory()


@pytest.mark.parametrize(
    ("unit", "squares", "products"),
    [
        (0.0, [0.0] * 6, [0.0] * 3),
        (1.0, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0], [0.0] * 3),
        (1.0, [0.0] * 6, [1.0, 1.0, 1.0]),
        (1.0, [1.0, 9.0, 9.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
    ],
    ids=["no unit", "no points", "no points that came", "no spread is that small"],
)
def test_sums_that_no_traffic_has_are_forgotten_alone(unit: float, squares: list[float], products: list[float]) -> None:
    """Service times and recommendations are another matter."""
    written = [unit, 0.0, [[squares, products, [0.0] * len(CENTRES)]] * HORIZONS]

    assert from_json(stored(demand=written)) == replace(full(), demand=DemandMemory())


def test_what_was_stored_before_demand_was_learned_is_read() -> None:
    """By a former release: what it did not know is as at first."""
    old = {key: value for key, value in json.loads(stored()).items() if key not in {"demand", "price"}}

    assert from_json(json.dumps(old)) == replace(full(), demand=DemandMemory(), price=Price())


def test_nine_of_ten_starts_were_at_most_so_long() -> None:
    """The last of twenty is known, and no start is no time."""
    memory = with_cold_starts(ScalingMemory(), (start(at, loaded=at) for at in range(1, 11)), EPOCH)

    assert cold_start_p90(memory) == Seconds(9.0 + 10.0)
    assert cold_start_p90(ScalingMemory()) is None


def test_a_start_is_counted_once() -> None:
    """It is told again each time one looks; two that end in one second are told together."""
    memory = with_cold_starts(ScalingMemory(), [start(7), start(5), start(7)], EPOCH)

    assert [each.at for each in with_cold_starts(memory, [start(5), start(7), start(9)], EPOCH).cold_starts] == [
        5, 7, 7, 9,
    ]  # fmt: skip


def test_what_took_longer_than_a_day_was_no_start() -> None:
    """It would be planned with for days."""
    assert with_cold_starts(ScalingMemory(), [start(5, loaded=90_000), start(6)], EPOCH).cold_starts == (start(6),)


def test_a_start_of_the_future_is_not_remembered_for_ever() -> None:
    """A clock was ahead; else nothing would count until then."""
    memory = ScalingMemory(cold_starts=(start(5), start(EPOCH + 3_600)))

    assert with_cold_starts(memory, [start(9), start(EPOCH + 9)], EPOCH).cold_starts == (start(5), start(9))


def test_a_decision_is_remembered_where_it_changes() -> None:
    """So twenty changes reach far back."""
    memory = ScalingMemory(moves=levels((50, 2)))

    assert with_decision(memory, Replicas(2), EPOCH).moves == levels((50, 2))
    assert with_decision(memory, Replicas(3), EPOCH).moves == levels((50, 2), (0, 3))
