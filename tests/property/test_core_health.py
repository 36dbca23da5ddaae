"""Laws of telling: nothing that anybody writes stops the operator, and what is told fits the API."""

import string
from typing import Any

from hypothesis import given, settings, strategies as st

from fakes.snapshots import (
    MODEL,
    NOW,
    SERVICE_OF_MODEL,
    deployment,
    model_spec,
    pod,
    pool_found,
    snapshot,
    status_of,
    terminated,
    waiting,
)
from trimtab.api.conditions import Reason
from trimtab.api.inferencepool import InferencePoolSpec, InferencePoolStatus
from trimtab.api.kinds import Manifest
from trimtab.api.model_status import AIModelStatus
from trimtab.api.wire import dump
from trimtab.core.health import Trouble
from trimtab.core.health.progress import without_pod_names
from trimtab.core.health.size import MOST_BYTES
from trimtab.core.health.words import last_words
from trimtab.core.pool_health import PoolSnapshot, PoolUser, pool_status
from trimtab.core.rollout import removable
from trimtab.core.snapshot import ChildKey, ModelSnapshot, PoolUnusable

WORDS = (
    "metadata", "labels", "trimtab.io/variant", "l4", "name", "generation", "deletionTimestamp", "creationTimestamp",
    "spec", "replicas", "nodeName", "status", "phase", "conditions", "type", "reason", "message", "Ready",
    "PodScheduled", "ReplicaFailure",
    "Progressing", "ProgressDeadlineExceeded", "True", "False", "initContainerStatuses", "containerStatuses", "state",
    "lastState", "waiting", "terminated", "exitCode", "restartCount", "CrashLoopBackOff", "ErrImagePull", "fetch",
    "readyReplicas", "updatedReplicas", "observedGeneration", "pod-template-hash", "lastTransitionTime",
)  # fmt: skip
texts = st.sampled_from(WORDS) | st.text(max_size=20) | st.builds(lambda end: "x" * 20_000 + end, st.text(max_size=3))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
keys = st.sampled_from(WORDS) | st.text(max_size=5)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)


@st.composite
def spoiled(draw: st.DrawFn, sound: Manifest) -> Any:  # noqa: ANN401 - whatever comes out
    """Return a sound manifest with one or two places in it replaced by anything."""
    value: Any = sound
    for _ in range(draw(st.integers(1, 2))):
        value = _spoil(draw, value)
    return value


def _spoil(draw: st.DrawFn, value: Any) -> Any:  # noqa: ANN401 - whatever comes out
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: _spoil(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _spoil(draw, value[place]), *value[place + 1 :]]
    return draw(anything)


PODS = (
    pod(ready=True),
    pod(fetch=terminated(1, "no report"), triton=waiting("PodInitializing")),
    pod(triton=terminated(137, "2026-11-24T10:12:52Z E 1 a.cc:1] \"failed to load 'x'\"", restarts=4)),
    pod(triton=waiting("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: no')),
    pod(unschedulable="0/1 nodes are available: 1 Insufficient nvidia.com/gpu."),
)
FAILING = {"type": "ReplicaFailure", "status": "True", "message": 'pods "fraud-l4-6d4cf56db6-x7k2p" is forbidden'}
CHILDREN = (deployment(asked=2, ready=1), deployment(asked=2, ready=0, conditions=[FAILING]), deployment("h100"))


@st.composite
def hostile_worlds(draw: st.DrawFn) -> ModelSnapshot:
    """Return a snapshot in which anything may stand where others write."""
    found = pool_found(draw(st.sampled_from(["l4", "h100", "cpu"])))
    unusable = PoolUnusable(Reason.POOL_NOT_FOUND, "it is not there")
    named = st.sampled_from(CHILDREN).flatmap(lambda child: st.tuples(st.just(child), spoiled(child) | anything))
    pods: st.SearchStrategy[Any] = anything | st.sampled_from(PODS).flatmap(spoiled)
    written: Any = draw(anything)
    seen = snapshot(
        SERVICE_OF_MODEL,
        spec=model_spec(pin=draw(st.sampled_from([None, 0, 3]))),
        pool=found if draw(st.booleans()) else unusable,
        pods=draw(st.lists(pods, max_size=4)),
        annotations=draw(st.sampled_from([{}, {"trimtab.io/paused": "true"}])),
        written_status=written,
    )
    return seen.with_children(
        {ChildKey("Deployment", child["metadata"]["name"]): made for child, made in draw(st.lists(named, max_size=3))}
    )


@settings(max_examples=300)  # the world is large, and this law guards against all of it
@given(hostile_worlds())
def test_whatever_stands_in_the_world_a_sound_status_comes_out(seen: ModelSnapshot) -> None:
    """It never raises, it fits the API and 4 KiB, each message is one printable line, each condition is there once."""
    status = status_of(seen)

    assert len(status.model_dump_json(by_alias=True, exclude_none=True).encode()) <= MOST_BYTES
    assert AIModelStatus.model_validate(dump(status)) == status
    assert len({each.type for each in status.conditions}) == len(status.conditions)
    assert status.conditions[0].type == "Ready"
    for each in status.conditions:
        assert each.message.isprintable()
        assert 0 < len(each.message) <= 1024
    removable(seen, frozenset())


@given(hostile_worlds())
def test_a_status_stays_the_same_while_the_world_does(seen: ModelSnapshot) -> None:
    """Looking again writes nothing, in whatever order pods and children are listed."""
    first = status_of(seen)
    again = snapshot(
        spec=seen.spec,
        pool=seen.pool,
        pods=seen.pods[::-1],
        annotations=seen.annotations,
        written_status=dump(first),
    ).with_children({key: seen.children[key] for key in reversed(list(seen.children))})

    assert status_of(again) == first


@given(hostile_worlds())
def test_reconciling_and_stalled_exclude_each_other(seen: ModelSnapshot) -> None:
    """Either waiting helps or it does not; a usable pool and no trouble of ours leave Ready to the replicas."""
    kinds = {each.type for each in status_of(seen).conditions}

    assert not {"Reconciling", "Stalled"} <= kinds


@given(st.text(max_size=3000), st.sampled_from(Reason), st.booleans())
def test_a_trouble_always_reaches_a_condition(text: str, reason: Reason, needs_change: bool) -> None:  # noqa: FBT001
    """Whatever its words, its reason is told by Ready, and by Stalled or Reconciling."""
    status = status_of(snapshot(), Trouble(reason=reason, message=f"no: {text}", needs_change=needs_change))
    second = "Stalled" if needs_change else "Reconciling"

    assert [(each.type, each.reason) for each in status.conditions[:2]] == [("Ready", reason), (second, reason)]


@given(st.text(string.printable, max_size=4000))
def test_last_words_are_words_of_the_log(log: str) -> None:
    """Nothing is invented, and tables are no words."""
    words = last_words(log)

    assert not words.startswith(("|", "+-"))
    assert set(words) <= set(log) | {" "}


NAME = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
SUFFIX = st.text("bcdfghjklmnpqrstvwxz2456789", min_size=5, max_size=5)


@given(NAME, SUFFIX, SUFFIX)
def test_a_refusal_reads_the_same_for_every_pod(deployment_name: str, one: str, other: str) -> None:
    """A pod's name is its ReplicaSet's, cut to 58 characters, and five random ones."""

    def refusal(suffix: str) -> str:
        name = f"{deployment_name}-6d4cf56db6-"[:58] + suffix
        return without_pod_names(f'pods "{name}" is forbidden: exceeded quota: gpus', deployment_name)

    assert refusal(one) == refusal(other) == f'pods "{deployment_name}-*" is forbidden: exceeded quota: gpus'


users = st.lists(
    st.builds(
        PoolUser,
        st.sampled_from(["payments", "search"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["l4", "cpu", "gone"]),
        st.integers(-(2**40), 2**80),
    ),
    max_size=5,
)


@given(anything, users, st.booleans())
def test_a_pools_status_is_sound_whoever_uses_it(written: Any, using: list[PoolUser], readable: bool) -> None:  # noqa: ANN401, FBT001
    """It never raises, and fits the API."""
    spec = InferencePoolSpec.model_validate({"variants": [{"name": "l4", "resourceName": "a.b/c"}, {"name": "cpu"}]})
    status = pool_status(
        PoolSnapshot(NOW, "platform", "gpus", MODEL.generation, written, spec if readable else None, "no", tuple(using))
    )

    assert InferencePoolStatus.model_validate(dump(status)) == status
