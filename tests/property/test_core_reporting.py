"""Laws of writing rarely."""

from typing import Any

from hypothesis import given, settings, strategies as st

from fakes.snapshots import SERVICE_OF_MODEL, deployment, model_spec, pod, pool_found, snapshot, status_of, terminated
from trimtab.api.model_status import AIModelStatus
from trimtab.api.wire import dump
from trimtab.core.reporting import Urgency, transitions, urgency

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
keys = st.sampled_from(["conditions", "type", "status", "Ready", "decision", "replicas", "cost", "message", "url"])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=15
)


@st.composite
def statuses(draw: st.DrawFn) -> AIModelStatus:
    """Return a status as it may come of some world."""
    asked = draw(st.integers(0, 3))
    ready = draw(st.integers(0, asked))
    pods = [pod(ready=True)] * ready + draw(st.sampled_from([[], [pod(triton=terminated(1, "no"))], [pod()]]))
    return status_of(
        snapshot(
            deployment(asked=asked, ready=ready),
            SERVICE_OF_MODEL,
            spec=model_spec(pin=draw(st.sampled_from([None, asked]))),
            pool=pool_found(draw(st.sampled_from(["l4", "cpu"]))),
            pods=pods,
        )
    )


@given(anything, statuses(), keys)
def test_only_what_is_there_needs_no_write(written: Any, status: AIModelStatus, spoiled: str) -> None:  # noqa: ANN401
    """Whatever stands there is either equal or gets written, also where it stands in the place of one field."""
    wanted = dump(status)

    assert (urgency(written, wanted) is Urgency.NOTHING) is (written == wanted)
    assert (urgency(wanted | {spoiled: written}, wanted) is Urgency.NOTHING) is (wanted.get(spoiled, "?") == written)
    assert urgency(wanted, wanted) is Urgency.NOTHING


numbers = st.floats(1.0, 1e6)


@given(numbers, st.floats(-0.099, 0.099), st.floats(0.101, 9.0), statuses())
def test_a_shown_number_changes_when_it_moves_by_more_than_a_tenth(
    number: float, little: float, much: float, status: AIModelStatus
) -> None:
    """In whatever sentence it stands."""

    def saying(value: float) -> dict[str, Any]:
        whole = dump(status)
        message = {"message": f"2 replicas: {value:.6f} requests/s expected"}
        return whole | {"decision": whole["decision"] | message}

    assert urgency(saying(number), saying(number * (1.0 + little))) is Urgency.NOTHING
    assert urgency(saying(number), saying(number * (1.0 + much))) is Urgency.SELDOM


PASSING = {("Reconciling", "Progressing"), ("CapacityAvailable", "Progressing"), ("CapacityAvailable", "Scheduled")}


@settings(max_examples=50)
@given(statuses(), statuses())
def test_a_change_of_what_is_waited_for_is_never_late(one: AIModelStatus, other: AIModelStatus) -> None:
    """Whichever way it changes; what a move of replicas passes through may be a little late, and nothing else."""
    headlines = [
        (
            [
                (each.type, each.status, each.reason)
                for each in status.conditions
                if (each.type, each.reason) not in PASSING
            ],
            status.decision and status.decision.bound_by,
        )
        for status in (one, other)
    ]

    if headlines[0] != headlines[1]:
        assert urgency(dump(one), dump(other)) is urgency(dump(other), dump(one)) is Urgency.NOW


@given(anything, statuses())
def test_events_are_few_and_end_with_the_change(written: Any, status: AIModelStatus) -> None:  # noqa: ANN401
    """At most one for each condition and reason, and none once the status is written."""
    told = transitions(written, status.conditions)

    assert len(told) <= len(status.conditions)
    assert len({each.reason for each in told}) == len(told)
    assert transitions(dump(status), status.conditions) == ()
