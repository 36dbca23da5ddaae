"""Laws of scaling by what was measured, over arbitrary samples, faults, memories and restarts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings, strategies as st

from fakes.measured import EPOCH, ending, learned, levels, measured, promise, remembered, sample
from fakes.snapshots import deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.capacity import ServiceTimes, capacity_of, promise_of
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.forecast import CENTRES, HORIZONS, DemandMemory, unit_of, with_past
from trimtab.core.scaling.memory import Level, ScalingMemory, from_json, to_json
from trimtab.core.scaling.observation import NoData, NoDataReason, Observation, RatePoint, Sample
from trimtab.core.scaling.policies import POLICIES
from trimtab.core.scaling.price import CHEAPEST, DEAREST, Price
from trimtab.core.scaling.proposal import MOST_AGE
from trimtab.core.scaling.remember import remember
from trimtab.core.scaling.sizing import Need
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import RequestsPerSecond, Seconds

quick = settings(max_examples=50)  # each decides once or twice, for milliseconds
TARGETS = ("1ms", "10ms", "20ms", "45ms", "80ms", "200ms", "2s", "10m")
rates = st.floats(0.0, 1e6).map(RequestsPerSecond)
batches = st.tuples(st.floats(1.0, 256.0), st.floats(1e-4, 30.0))
service_times = st.lists(batches, max_size=6).map(lambda pairs: learned(*pairs))


@st.composite
def histories(draw: st.DrawFn) -> tuple[RatePoint, ...]:
    """Return a past in steps, with any rates."""
    told = draw(st.lists(rates, max_size=24))
    repeated = [rate for rate in told for _ in range(3)]
    return tuple(RatePoint(ago=Seconds(5.0 * ago), rate=rate) for ago, rate in enumerate(repeated))[::-1]


@st.composite
def samples(draw: st.DrawFn, ages: st.SearchStrategy[float] | None = None) -> Sample:
    """Return a sample of any traffic, fresh unless an age is given."""
    size, time = draw(batches)
    return Sample(
        age=Seconds(draw(st.floats(0.0, MOST_AGE) if ages is None else ages)),
        window=Seconds(30.0),
        pods=draw(st.integers(1, 50)),
        missing=draw(st.integers(0, 10)),
        arrivals=draw(rates),
        completions=draw(rates),
        failures=draw(rates),
        pending=draw(st.floats(0.0, 1e6)),
        batch_size=draw(st.none() | st.just(size)),
        batch_time=Seconds(time),
        queue_time=Seconds(draw(st.floats(0.0, 10.0))),
        busiest=draw(st.none() | st.floats(1.0, 50.0)),
        history=draw(histories()),
    )


faults = st.sampled_from(NoDataReason).map(lambda reason: NoData(reason, "so it is said")) | samples(
    st.floats(MOST_AGE + 0.1, 1e5)
)
pasts = st.lists(st.tuples(st.integers(-100, 900), st.integers(0, 1000)), max_size=20).map(
    lambda pairs: levels(*sorted(pairs, reverse=True))
)


@st.composite
def demands(draw: st.DrawFn, times: ServiceTimes) -> DemandMemory:
    """Return what some traffic has taught, in the unit of a replica that was about as fast."""
    told = [rate for rate in draw(st.lists(rates, min_size=1, max_size=8)) for _ in range(4)]
    fast = capacity_of(times, promise()).most if times.known else RequestsPerSecond(25.0)
    unit = unit_of(fast) * draw(st.sampled_from([0.3, 0.7, 1.0, 1.5]))
    return with_past(DemandMemory(), ending(told), EPOCH - 60.0, Seconds(67.0), unit)


@st.composite
def memories(draw: st.DrawFn) -> ScalingMemory:
    """Return what may be remembered of the variant l4."""
    times = draw(service_times)
    return replace(
        remembered(wanted=draw(pasts), moves=draw(pasts), times=times),
        demand=draw(st.just(DemandMemory()) | demands(times)),
        price=Price(log=draw(st.floats(CHEAPEST, DEAREST)), rate=draw(rates)),
    )


@st.composite
def specs(draw: st.DrawFn) -> AIModelSpec:
    """Return an unpinned spec with any bounds and target."""
    least, most = sorted(draw(st.tuples(st.integers(1, 1000), st.integers(1, 1000))))
    spec = model_spec(least=least, most=most, percentile=draw(st.sampled_from(["P50", "P90", "P95", "P99"])))
    return aimed(spec, draw(st.sampled_from(TARGETS)), draw(st.none() | st.sampled_from([1, 4, 100, 4096])))


def aimed(spec: AIModelSpec, target: str, max_batch: int | None = None) -> AIModelSpec:
    """Return the spec with another target and largest batch."""
    raw = spec.model_dump(by_alias=True, exclude_none=True)
    raw["objectives"]["latency"]["target"] = target
    if max_batch is not None:
        raw["serving"]["triton"]["maxBatchSize"] = max_batch
    return AIModelSpec.model_validate(raw)


def seen(spec: AIModelSpec, asked: int, observation: Observation, memory: ScalingMemory) -> ModelSnapshot:
    """Return a snapshot of a model that runs on l4."""
    return measured(snapshot(deployment(asked=asked), spec=spec, pool=pool_found("l4")), observation, memory)


snapshots = st.builds(seen, specs(), st.integers(0, 1000), samples() | faults, memories())


@given(snapshots)
def test_a_decision_lies_within_the_bounds_and_is_its_last_step(found: ModelSnapshot) -> None:
    """Whatever was measured, and whatever is remembered."""
    decision, scaling = decide(found), found.spec.scaling

    assert scaling.min_replicas <= decision.replicas <= scaling.max_replicas
    assert len(decision.trail) == len(POLICIES)
    assert decision.trail[-1].replicas == decision.replicas
    assert decision.message.startswith(f"{decision.replicas} replica")


def said(spec: AIModelSpec, **more: object) -> AIModelSpec:
    """Return the spec with more of what a person may say."""
    return AIModelSpec.model_validate(spec.model_dump(by_alias=True, exclude_none=True) | more)


@quick
@given(snapshots, st.sampled_from(["0.01", "0.80", "7.99", "64.00", "999999999999999"]))
def test_a_budget_is_exceeded_by_the_minimum_alone(found: ModelSnapshot, hourly: str) -> None:
    """At 0.80 for each replica, whatever demand asks for; where it suffices, it changes nothing."""
    decision = decide(replace(found, spec=said(found.spec, budget={"hourly": hourly})))
    free = decide(found)

    paid = max(found.spec.scaling.min_replicas, int(Decimal(hourly) / Decimal("0.80")))
    assert decision.replicas == min(free.replicas, paid)
    assert decision.wanted == free.wanted


@quick
@given(snapshots)
def test_advice_never_moves_what_is_within_the_bounds(found: ModelSnapshot) -> None:
    """Whatever was measured, and it says what would be."""
    scaling = found.spec.scaling
    asked = found.children[next(iter(found.children))]["spec"]["replicas"]
    spec = said(found.spec, scaling=scaling.model_dump(by_alias=True) | {"mode": "Advisory"})

    decision, active = decide(replace(found, spec=spec)), decide(found)

    assert decision.replicas == max(scaling.min_replicas, min(asked, scaling.max_replicas))
    assert decision.trail[-2].replicas == active.replicas
    assert decision.replicas == active.replicas or f"it would be {active.replicas}" in decision.message


@quick
@given(specs(), st.integers(0, 1000), faults, memories())
def test_blind_nothing_is_ever_given_back(
    spec: AIModelSpec, asked: int, fault: Observation, memory: ScalingMemory
) -> None:
    """Unless the maximum says so."""
    assert decide(seen(spec, asked, fault, memory)).replicas >= min(asked, spec.scaling.max_replicas)


@quick
@given(specs(), st.integers(0, 1000), samples(), memories(), rates)
def test_a_decision_rises_with_demand(
    spec: AIModelSpec, asked: int, one: Sample, memory: ScalingMemory, arrivals: RequestsPerSecond
) -> None:
    """More requests never lead to fewer replicas; none at all with requests that wait is not known to be fewer."""
    fewer, more = (
        decide(seen(spec, asked, replace(one, arrivals=rate, pending=0.0), memory)).replicas
        for rate in sorted((one.arrivals, arrivals))
    )

    assert fewer <= more


@quick
@given(specs(), st.integers(0, 1000), samples(), memories(), st.tuples(rates, st.floats(1.0, 1.2)))
def test_a_decision_rises_with_a_little_more_demand(
    spec: AIModelSpec, asked: int, one: Sample, memory: ScalingMemory, rise: tuple[float, float]
) -> None:
    """Nor does it fall where what is assumed of the unknown changes by a step."""
    rate, factor = rise
    fewer, more = (
        decide(seen(spec, asked, replace(one, arrivals=RequestsPerSecond(arrivals), pending=0.0), memory)).replicas
        for arrivals in (rate, rate * factor)
    )

    assert fewer <= more


@given(service_times, st.floats(0.1, 100.0), specs(), st.tuples(*[st.sampled_from(TARGETS)] * 2))
def test_a_shorter_target_never_raises_what_a_replica_serves(
    times: ServiceTimes, load: float, spec: AIModelSpec, targets: tuple[str, str]
) -> None:
    """Not even across the border to what no number of replicas can keep.

    So certain demand gets no fewer replicas, but for one in thirty, where the worth of a late request is bounded.
    """
    if not times.known:
        return
    batch = spec.serving.triton.max_batch_size
    shorter, longer = (
        capacity_of(times, promise_of(aimed(spec, target, batch))) for target in sorted(targets, key=TARGETS.index)
    )

    rate = load * longer.most
    for_shorter, for_longer = (
        Need(((rate / each.most, 1.0),), each.lateness).bought(each.lateness.worth, 1) for each in (shorter, longer)
    )
    assert shorter.rate <= longer.rate * (1 + 1e-9)
    assert for_shorter >= for_longer * 29 // 30 - 1


@quick
@given(snapshots)
def test_a_restart_decides_the_same_and_a_lost_memory_gives_nothing_back(found: ModelSnapshot) -> None:
    """All that a decision needs of the past is what is stored."""
    decision = decide(found)
    later = replace(found, memory=remember(found, decision), now=found.now + timedelta(seconds=5))
    restarted = replace(later, memory=from_json(to_json(later.memory)))
    forgotten = replace(later, memory=ScalingMemory())

    assert decide(restarted) == decide(later)
    if forgotten.observation is not None:
        asked = found.children[next(iter(found.children))]["spec"]["replicas"]
        quiet = isinstance(found.observation, NoData)
        assert quiet or decide(forgotten).replicas >= min(asked, found.spec.scaling.max_replicas)


@dataclass
class Run:
    """A model that is decided on again and again, and does what was decided."""

    spec: AIModelSpec
    asked: int
    memory: ScalingMemory
    time: float = 0.0

    def step(self, observation: Observation, seconds: float) -> Decision:
        """Return the next decision, some seconds later."""
        self.time += seconds
        found = seen(self.spec, self.asked, observation, self.memory)
        found = replace(found, now=found.now + timedelta(seconds=self.time), cold_start=Seconds(30.0))
        decision = decide(found)
        self.memory, self.asked = from_json(to_json(remember(found, decision))), decision.replicas
        return decision


@settings(max_examples=30)
@given(
    specs(), st.integers(0, 200), memories(), st.lists(st.tuples(samples() | faults, st.integers(1, 100)), max_size=8)
)
def test_no_sequence_of_samples_and_faults_is_followed_by_leaps(
    spec: AIModelSpec, asked: int, memory: ScalingMemory, steps: Sequence[tuple[Observation, int]]
) -> None:
    """Up by 4 or as many again in 15 s, blind never down; the bounds alone go before that."""
    run = Run(spec, asked, replace(memory, wanted=(), moves=()))
    scaling = spec.scaling
    levels_so_far: list[tuple[float, int]] = []
    for observation, seconds in steps:
        before = run.asked
        decision = run.step(observation, float(seconds))

        recent = [before, *in_force_in(levels_so_far, run.time - 15.0)]
        limit = max(before, min(recent) + max(4, min(recent)), scaling.min_replicas)
        assert decision.replicas <= limit
        if isinstance(observation, NoData) or observation.age > MOST_AGE:
            assert decision.replicas >= min(before, scaling.max_replicas)
        levels_so_far.append((run.time, decision.replicas))


def in_force_in(told: Sequence[tuple[float, int]], since: float) -> Iterator[int]:
    """Yield what was in force at some time since then: each until the next."""
    for (began, number), (ended, _) in zip(told, [*told, (float("inf"), 0)][1:], strict=True):
        if ended > since or began >= since:
            yield number


@settings(max_examples=15)
@given(st.integers(0, 100), rates, service_times, pasts)
def test_steady_demand_is_settled_for_by_going_up_at_once_and_then_down_alone(
    asked: int, arrivals: RequestsPerSecond, times: ServiceTimes, wanted: tuple[Level, ...]
) -> None:
    """Up in the steps that are allowed, and down as it is known better how steady it is, never to and fro; it stays."""
    run = Run(model_spec(most=100), asked, remembered(wanted=wanted, times=times))
    steady = sample(arrivals)

    path = [run.asked, *(run.step(steady, 15.0).replicas for _ in range(60))]

    top = path.index(max(path))
    assert path == sorted(path[:top]) + sorted(path[top:], reverse=True)
    assert len(set(path[-8:])) == 1


@quick
@given(snapshots.map(lambda found: found.memory), st.data())
def test_any_memory_that_can_be_read_can_be_decided_with(memory: ScalingMemory, data: st.DataObject) -> None:
    """Somebody may have put any numbers into the ConfigMap."""
    raw = json.loads(to_json(memory))
    counts, sums = (6, 3, len(CENTRES)), st.sampled_from([0.0, 1e-9, 0.5, 1.0, 40.0, 1e6, 1e15])
    horizon = st.tuples(*(st.lists(sums, min_size=count, max_size=count) for count in counts))
    raw["times"] = data.draw(st.lists(st.floats(0.0, 1e15), min_size=7, max_size=7))
    raw["at"] = data.draw(st.integers(0, 2**40))
    raw["price"] = data.draw(st.tuples(st.floats(CHEAPEST, DEAREST), st.floats(0.0, 1e15)))
    raw["demand"] = data.draw(
        st.tuples(
            st.floats(0.0, 1e15),
            st.floats(-(2.0**40), 2.0**40),
            st.lists(horizon, min_size=HORIZONS, max_size=HORIZONS),
        )
    )
    read = from_json(json.dumps(raw))

    decision = decide(seen(model_spec(most=7), 5, data.draw(samples()), read))

    assert 1 <= decision.replicas <= 7


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_memory_or_none(text: str) -> None:
    """Nothing that is stored stops the operator."""
    assert isinstance(from_json(text), ScalingMemory)
