"""Laws of scaling by what was measured, over arbitrary samples, faults, memories and restarts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings, strategies as st

from fakes.measured import learned, levels, measured, remembered, sample
from fakes.snapshots import deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.demand import LEAST_GROWTH, LEAST_STARTS, MOST_GROWTH, QUANTILE, UNKNOWN_GROWTH, growth_within
from trimtab.core.scaling.memory import Level, ScalingMemory, from_json, to_json
from trimtab.core.scaling.observation import NoData, NoDataReason, Observation, RatePoint, Sample
from trimtab.core.scaling.policies import POLICIES
from trimtab.core.scaling.proposal import MOST_AGE
from trimtab.core.scaling.queueing import Replica, late_share
from trimtab.core.scaling.remember import remember
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import RequestsPerSecond, Seconds

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
def memories(draw: st.DrawFn) -> ScalingMemory:
    """Return what may be remembered of the variant l4."""
    return remembered(wanted=draw(pasts), moves=draw(pasts), times=draw(service_times))


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


@given(snapshots, st.sampled_from(["0.01", "0.80", "7.99", "64.00", "999999999999999"]))
def test_a_budget_is_exceeded_by_the_minimum_alone(found: ModelSnapshot, hourly: str) -> None:
    """At 0.80 for each replica, whatever demand asks for; where it suffices, it changes nothing."""
    decision = decide(replace(found, spec=said(found.spec, budget={"hourly": hourly})))
    free = decide(found)

    paid = max(found.spec.scaling.min_replicas, int(Decimal(hourly) / Decimal("0.80")))
    assert decision.replicas == min(free.replicas, paid)
    assert decision.wanted == free.wanted


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


@given(specs(), st.integers(0, 1000), faults, memories())
def test_blind_nothing_is_ever_given_back(
    spec: AIModelSpec, asked: int, fault: Observation, memory: ScalingMemory
) -> None:
    """Unless the maximum says so."""
    assert decide(seen(spec, asked, fault, memory)).replicas >= min(asked, spec.scaling.max_replicas)


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


@given(specs(), st.integers(0, 1000), samples(), memories(), st.tuples(*[st.sampled_from(TARGETS)] * 2))
def test_a_decision_never_falls_with_a_shorter_target(
    spec: AIModelSpec, asked: int, one: Sample, memory: ScalingMemory, targets: tuple[str, str]
) -> None:
    """Not even across the border to what no number of replicas can keep."""
    shorter, longer = sorted(targets, key=TARGETS.index)
    batch = spec.serving.triton.max_batch_size

    assert (
        decide(seen(aimed(spec, shorter, batch), asked, one, memory)).replicas
        >= decide(seen(aimed(spec, longer, batch), asked, one, memory)).replicas
    )


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


@settings(max_examples=40)
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


@settings(max_examples=20)
@given(st.integers(0, 100), rates, service_times, pasts)
def test_steady_demand_is_settled_for_by_going_one_way(
    asked: int, arrivals: RequestsPerSecond, times: ServiceTimes, wanted: tuple[Level, ...]
) -> None:
    """Up or down in the steps that are allowed, never to and fro; then it stays."""
    run = Run(model_spec(most=100), asked, remembered(wanted=wanted, times=times))
    steady = sample(arrivals)

    path = [run.asked, *(run.step(steady, 15.0).replicas for _ in range(60))]

    assert path in (sorted(path), sorted(path, reverse=True))
    assert len(set(path[-8:])) == 1


@given(snapshots.map(lambda found: found.memory), st.data())
def test_any_memory_that_can_be_read_can_be_decided_with(memory: ScalingMemory, data: st.DataObject) -> None:
    """Somebody may have put any numbers into the ConfigMap."""
    raw = json.loads(to_json(memory))
    raw["times"] = data.draw(st.lists(st.floats(0.0, 1e15), min_size=7, max_size=7))
    raw["at"] = data.draw(st.integers(0, 2**40))
    read = from_json(json.dumps(raw))

    decision = decide(seen(model_spec(most=7), 5, data.draw(samples()), read))

    assert 1 <= decision.replicas <= 7


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_memory_or_none(text: str) -> None:
    """Nothing that is stored stops the operator."""
    assert isinstance(from_json(text), ScalingMemory)


@given(st.lists(st.integers(1, 50), min_size=20, max_size=40), st.sampled_from([5.0, 17.0, 60.0]))
def test_growth_is_that_of_every_start_compared_with_all_that_came_after(told: list[int], horizon: float) -> None:
    """One pass finds what comparing each with each would."""
    history = tuple(
        RatePoint(ago=Seconds(5.0 * (len(told) - 1 - at)), rate=RequestsPerSecond(rate)) for at, rate in enumerate(told)
    )
    smooth = {5.0 * (len(told) - 1 - at): sum(told[at - 2 : at + 1]) / 3 for at in range(2, len(told))}
    cases = sorted(
        (max(rate for later, rate in smooth.items() if ago - horizon <= later < ago) / start, start)
        for ago, start in smooth.items()
        if ago >= horizon
    )

    growth = growth_within(history, Seconds(horizon))

    if len(cases) < LEAST_STARTS:
        assert growth == UNKNOWN_GROWTH
        return
    below = sum(start for ratio, start in cases if ratio < growth)
    up_to = sum(start for ratio, start in cases if ratio <= growth)
    assert growth in {MOST_GROWTH, LEAST_GROWTH, *(ratio for ratio, _ in cases)}
    assert growth == MOST_GROWTH or up_to >= QUANTILE * sum(start for _, start in cases) - 1e-6
    assert growth == LEAST_GROWTH or below < QUANTILE * sum(start for _, start in cases) + 1e-6


@given(service_times, st.floats(1.0, 4096.0), st.floats(1.0, 4096.0))
def test_a_larger_batch_never_takes_less(times: ServiceTimes, one: float, other: float) -> None:
    """Whatever was learned, a time is above zero and rises."""
    if not times.known:
        return
    shorter, longer = (times.batch_time(size) for size in sorted((one, other)))

    assert 0.0 < shorter <= longer * (1 + 1e-9)


@given(
    st.integers(1, 600), st.floats(1e-4, 10.0), st.tuples(st.floats(0.0, 1.5), st.floats(0.0, 1.5)), st.floats(0.0, 5.0)
)
def test_more_requests_are_never_less_late(
    slots: int, service: float, busy: tuple[float, float], patience: float
) -> None:
    """A share is one, and rises with the load."""
    replica = Replica(slots=slots, service=Seconds(service))

    few, many = (
        late_share(replica, RequestsPerSecond(load * replica.capacity), Seconds(patience)) for load in sorted(busy)
    )

    assert 0.0 <= few <= many * (1 + 1e-9) <= 1.0 + 1e-9
