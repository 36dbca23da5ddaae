"""`trimtab explain`: the last decision on a model in plain words, from what the operator wrote into its status."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from pydantic import ValidationError

from trimtab.api.conditions import ConditionType
from trimtab.api.fetch import one_line
from trimtab.api.kinds import Manifest
from trimtab.api.model_status import AIModelStatus, ModelProfile, ScalingDecision
from trimtab.api.wire import dump

WIDTH = 120
GOOD = {"Reconciling": "False", "Stalled": "False", "Paused": "False"}
"""The status that is good news, of conditions of which True is none."""


class ExplainError(Exception):
    """Nothing was decided, or it cannot be read; `str()` says why and what to do."""


@dataclass(frozen=True)
class Explained:
    """A model, how far its spec is ahead of what was decided, and what the operator said."""

    name: str
    generation: int
    status: AIModelStatus
    decision: ScalingDecision

    @property
    def is_behind(self) -> bool:
        """Whether the spec was changed after the decision."""
        return (self.status.observed_generation or 0) < self.generation

    @property
    def troubles(self) -> tuple[tuple[str, str, str], ...]:
        """The type, reason and message of each condition that is not as it should be."""
        return tuple(
            (each.type, each.reason, each.message)
            for each in self.status.conditions
            if each.status != GOOD.get(each.type, "True")
        )


def explained(manifest: Manifest) -> Explained:
    """Return what there is to say of a model.

    Raises:
        ExplainError: see the class.
    """
    about = manifest["metadata"]
    name = f"{about['namespace']}/{about['name']}"
    if not manifest.get("status"):
        raise ExplainError(
            f"AIModel {name} has no status yet: the operator has not looked at it. "
            "See whether it runs: `kubectl -n trimtab-system get pods`"
        )
    try:
        status = AIModelStatus.model_validate(manifest["status"])
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, ("status", *fault["loc"])))
        raise ExplainError(
            f"the status of AIModel {name} cannot be read: {where}: {fault['msg']}. "
            "Another version of the operator wrote it; use a trimtab of the same version"
        ) from None
    if status.decision is None:
        ready = next((each for each in status.conditions if each.type == "Ready"), None)
        why = "the operator has not decided yet; try again" if ready is None else f"{ready.reason}: {ready.message}"
        raise ExplainError(f"nothing was decided for AIModel {name}: {why}")
    return Explained(name, int(about.get("generation", 0)), status, status.decision)


def as_json(about: Explained) -> str:
    """Return it as JSON: the parts of the status that say why, under the names that they have there."""
    status = dump(about.status)
    kept = (
        "observedGeneration",
        "variant",
        "replicas",
        "readyReplicas",
        "decision",
        "latency",
        "cost",
        "profile",
        "conditions",
    )
    namespace, name = about.name.split("/")
    told: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "generation": about.generation,
        **{field: status[field] for field in kept if field in status},
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def as_text(about: Explained) -> str:
    """Return it as text of at most 120 columns."""
    decision = about.decision
    lines = [f"{about.name}: bound by {one_line(decision.bound_by)}", *_indented(decision.message)]
    if about.is_behind:
        said = f"The spec has changed since (generation {about.generation}): look again in a few seconds."
        lines += ["", said]
    lines += ["", *(line for title, text in _facts(about) for line in _titled(title, text))]
    if decision.trail:
        lines += ["", "What each policy made of it:"]
        width = max(len(step.policy) for step in decision.trail)
        for step in decision.trail:
            lines += _indented(step.because, f"  {one_line(step.policy):<{width}} {step.replicas:>4}  ")
    if about.troubles:
        lines += ["", "What is not as it should be, or not known:"]
        for kind, reason, message in about.troubles:
            lines += _indented(message, f"  {one_line(kind)} ({reason}): ", hang=4)
    return "\n".join(lines)


def _facts(about: Explained) -> Iterator[tuple[str, str]]:
    status, decision = about.status, about.decision
    wanted = "demand unknown" if decision.wanted_replicas is None else f"{decision.wanted_replicas} wanted"
    variant = f" on {status.variant}" if status.variant else ""
    yield "Replicas", f"{wanted}, {decision.desired_replicas} decided, {status.ready_replicas or 0} ready{variant}"
    if status.latency is not None:
        latency = status.latency
        observed = f"{latency.percentile} {latency.observed}, give or take {latency.resolution}"
        within = f"{latency.within_target_percent} % of requests within it ({latency.source})"
        yield "Latency", f"{observed}, target {latency.target}; {within}"
    if status.profile is not None:
        yield "Curve", _curve(status.profile)
    currency = "" if status.cost is None else f" {status.cost.currency}"
    yield "Cost", "unknown" if status.cost is None else f"{status.cost.hourly}{currency} per hour"
    yield from (("Price", told) for told in _good_news(about, ConditionType.PRICES_KNOWN))
    more = decision.next_replica
    if more is not None:
        price = "at an unknown price" if more.hourly is None else f"for {more.hourly}{currency} per hour"
        then = f"{more.within_target_percent_then} % of requests are expected within the target"
        yield "One more", f"{price}: {then}, instead of {more.within_target_percent_now} %"
    if decision.hint:
        yield "Hint", decision.hint
    yield from (("Windows", told) for told in _good_news(about, ConditionType.SCHEDULES_VALID))


def _curve(profile: ModelProfile) -> str:
    """Return where what is known of batch times comes from, and the profile's own."""
    first, last = profile.batch_times[0], profile.batch_times[-1]
    told = f"a batch of {first.batch} takes {first.milliseconds} ms"
    if last.batch != first.batch:
        told += f", one of {last.batch} takes {last.milliseconds} ms"
    source = {
        "Profile": "the capacity curve comes from a profile, until traffic tells more",
        "Traffic": "traffic has told more of the capacity curve than the profile by now",
    }[profile.evidence]
    return f"{source}. On {profile.variant} ({profile.accelerator}) {told} there"


def _good_news(about: Explained, kind: ConditionType) -> Iterator[str]:
    """Yield what a condition says that is True; one that is not is among the troubles."""
    return (each.message for each in about.status.conditions if each.type == kind and each.status == "True")


def _titled(title: str, text: str) -> list[str]:
    return _indented(text, f"{title:<10}")


def _indented(text: str, first: str = "  ", hang: int | None = None) -> list[str]:
    """Return a text in lines of at most 120 columns; all but the first begin below its text, or at `hang`.

    Whoever may write a status could put a terminal's control characters into it: they are left out.
    """
    rest = " " * (len(first) if hang is None else hang)
    return wrap(one_line(text), WIDTH, initial_indent=first, subsequent_indent=rest) or [first.rstrip()]
