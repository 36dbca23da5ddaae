"""Traces against the operator itself: a control plane, Prometheus, and Tritons that are played in real time."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.trace_worlds import NAMESPACE, Look, Part, Played, Total
from controlplane import until
from controlplane.bootstrap import is_true
from controlplane.progress import say, step
from demo.manifest import MODEL_LABEL, read
from demo.stage import Stage
from demo.traffic import Traffic
from demo.world import Play
from trimtab.api.wire import dump

AIMODEL, POOL, POD = "trimtab.io/v1alpha1/AIModel", "trimtab.io/v1alpha1/InferencePool", "v1/Pod"
DEPLOYMENT = "apps/v1/Deployment"
READY_S, LOOK_S, ENDING_S = 120.0, 0.5, 5.0
NO_TRAFFIC = Traffic([0.0])


@dataclass
class Seen:
    """What was seen of a model while it was played."""

    replica_seconds: float = 0.0
    moves: int = 0
    asked: int = 0
    starts: dict[str, float] = field(default_factory=dict)
    course: list[Look] = field(default_factory=list)


def play(parts: Sequence[Part]) -> list[Played]:
    """Let all traces come at once, each to a model of its own, and return what became of them.

    Raises:
        ComponentFailedError: something ended, or did not become ready.
        TimeoutError: not all models became Ready.
    """
    plays = {each.key: Play(service=each.service, objective_s=each.target_s) for each in parts}
    with Stage(plays, say) as stage:
        _apply(stage, parts)
        with step(f"{len(parts)} models, until they are Ready", usually=f"{parts[0].cold_start_s + 5:.0f} s"):
            until(lambda: _all_ready(stage, len(parts)), what="all models to be Ready", seconds=READY_S)
        return _run(stage, parts)


def _apply(stage: Stage, parts: Sequence[Part]) -> None:
    fates = {
        "kwok.trimtab.io/ready-after": f"{parts[0].cold_start_s:g}s",
        "kwok.trimtab.io/gone-after": f"{parts[0].ending_s:g}s",
    }
    apply = stage.plane.admin.apply
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "annotations": fates}})
    about = {"apiVersion": "trimtab.io/v1alpha1"}
    pool = dump(parts[0].pool.spec)
    apply({**about, "kind": "InferencePool", "metadata": {"name": "simulated", "namespace": NAMESPACE}, "spec": pool})
    for part in parts:
        names = {"name": part.name, "namespace": NAMESPACE}
        apply({**about, "kind": "AIModel", "metadata": names, "spec": dump(part.spec)})


def _all_ready(stage: Stage, many: int) -> bool:
    stage.check()
    models = stage.objects(AIMODEL, NAMESPACE)
    return len(models) == many and all(is_true(model, "Ready") for model in models)


def _run(stage: Stage, parts: Sequence[Part]) -> list[Played]:
    world = stage.world
    seen = {part.name: Seen() for part in parts}
    began = world.now_s
    lasts = max(part.played.seconds for part in parts)
    for part in parts:
        world.drive(part.key, part.played)
    with step(f"traffic for {lasts} s", usually=f"{lasts} s"):
        before = began
        while (now := world.now_s) < began + lasts:
            stage.check()
            _look(stage, seen, now - max(before, began + parts[0].warm_s), now - began)
            before = now
            time.sleep(max(0.0, LOOK_S - (world.now_s - now)))
    for part in parts:
        world.drive(part.key, NO_TRAFFIC)
    time.sleep(ENDING_S)
    return [_played(stage, part, seen[part.name], began) for part in parts]


def _look(stage: Stage, seen: dict[str, Seen], passed: float, at: float) -> None:
    """Count the pods that hold a node's resources, for the time since the last look."""
    there = dict.fromkeys(seen, 0)
    for pod in stage.objects(POD, NAMESPACE, MODEL_LABEL):
        if not pod["spec"].get("nodeName"):
            continue
        found = read(pod)
        model = seen[found.model.partition("/")[2]]
        model.replica_seconds += max(0.0, passed)
        there[found.model.partition("/")[2]] += 1
        if found.ready and found.uid not in model.starts:
            model.starts[found.uid] = _started(pod)
    for deployment in stage.objects(DEPLOYMENT, NAMESPACE):
        model, asked = seen[deployment["metadata"]["labels"][MODEL_LABEL]], int(deployment["spec"]["replicas"])
        model.moves += bool(passed > 0.0 and model.asked and asked != model.asked)
        model.asked = asked
    for each in stage.objects(AIMODEL, NAMESPACE):
        name = each["metadata"]["name"]
        bound = each.get("status", {}).get("decision", {}).get("boundBy", "")
        seen[name].course.append(Look(at_s=round(at, 1), asked=seen[name].asked, there=there[name], bound_by=bound))


def _started(pod: dict[str, Any]) -> float:
    """Return the seconds from a pod's creation to its being Ready, by the API server's clock, in whole seconds."""
    ready = next(each for each in pod["status"]["conditions"] if each["type"] == "Ready")
    moments = (pod["metadata"]["creationTimestamp"], ready["lastTransitionTime"])
    created, there = (dt.datetime.fromisoformat(moment) for moment in moments)
    return (there - created).total_seconds()


def _played(stage: Stage, part: Part, seen: Seen, began: float) -> Played:
    account = stage.world.ask(
        part.key, lambda fleet: fleet.ledger.between(began + part.warm_s, began + part.played.seconds)
    )
    starts = list(seen.starts.values()) or [part.cold_start_s]
    return Played(
        model=part.name,
        total=Total(
            replica_seconds=seen.replica_seconds,
            attainment=account.within / account.arrived if account.arrived else 1.0,
            moves=float(seen.moves),
        ),
        requests=account.arrived,
        course=tuple(seen.course),
        cold_start_s=sum(starts) / len(starts),
    )
