"""What a pod's manifest says about its Triton, and its status about how far it is."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

from demo.service import OnTimeout, Service

Manifest = dict[str, Any]

MODEL_LABEL = "trimtab.io/model"
PLAN = "TRIMTAB_FETCH_PLAN"  # in the environment of the container that fetches: what becomes of the model's files
QUANTILES = re.compile(r"--metrics-config=summary_quantiles=(.*)")
SUMMARIES = "--metrics-config=summary_latencies=true"
DEFAULT_QUANTILES = ("0.5", "0.9", "0.95", "0.99", "0.999")  # Triton's own
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Pod:
    """A pod as it is seen now. `model` is its namespace and the value of its label; `ip` is empty before it has one.

    `works` tells that its containers run, `terminating` that somebody has deleted it, `drains` that it was given time
    to end its work. `config` is what the operator wants in the model's config.pbtxt.
    """

    uid: str
    name: str
    model: str
    ip: str
    ready: bool
    works: bool
    terminating: bool
    drains: bool
    triton_name: str
    quantiles: tuple[str, ...]
    accelerators: int
    config: Manifest

    def service(self, usual: Service) -> Service:
        """Return `usual` with what the operator has set in the model's configuration."""
        batching = self.config.get("dynamic_batching", {})
        policy = batching.get("default_queue_policy", {})
        changes: dict[str, Any] = {}
        if "max_batch_size" in self.config:
            changes["max_batch_size"] = max(1, self.config["max_batch_size"])
        if "max_queue_delay_microseconds" in batching:
            changes["max_queue_delay_s"] = batching["max_queue_delay_microseconds"] / MICROSECONDS
        if policy.get("default_timeout_microseconds"):
            changes["queue_timeout_s"] = policy["default_timeout_microseconds"] / MICROSECONDS
            changes["on_timeout"] = OnTimeout(policy.get("timeout_action", "REJECT"))
        groups = self.config.get("instance_group")
        if groups:
            changes["instances"] = sum(each.get("count", 1) * self._places(each) for each in groups)
        return dataclasses.replace(usual, **changes)

    def _places(self, group: Manifest) -> int:
        """Return on how many devices Triton makes a group's count of instances."""
        return len(group.get("gpus", ())) or (self.accelerators if group.get("kind") == "KIND_GPU" else 1)


def read(pod: Manifest) -> Pod:
    """Return what a pod's manifest says."""
    about, status = pod["metadata"], pod.get("status", {})
    running = [each.get("state", {}).get("running") is not None for each in status.get("containerStatuses", [])]
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    label = about["labels"][MODEL_LABEL]
    plan = _plan(pod["spec"])
    arguments = [argument for each in pod["spec"]["containers"] for argument in each.get("args", [])]
    return Pod(
        uid=about["uid"],
        name=about["name"],
        model=f"{about['namespace']}/{label}",
        ip=status.get("podIP", ""),
        ready=conditions.get("Ready") == "True",
        works=status.get("phase") == "Running" and bool(running) and all(running),
        terminating="deletionTimestamp" in about,
        drains=about.get("deletionGracePeriodSeconds", 0) > 0,
        triton_name=plan.get("model", label),
        quantiles=_quantiles(arguments),
        accelerators=sum(_accelerators(each) for each in pod["spec"]["containers"]),
        config=plan.get("config", {}),
    )


def _plan(spec: Manifest) -> Manifest:
    variables = [each for container in spec.get("initContainers", []) for each in container.get("env", [])]
    found: Manifest = next((json.loads(each["value"]) for each in variables if each["name"] == PLAN), {})
    return found


def _accelerators(container: Manifest) -> int:
    limits = container.get("resources", {}).get("limits", {})
    return sum(int(amount) for resource, amount in limits.items() if "/" in resource)


def _quantiles(arguments: list[str]) -> tuple[str, ...]:
    if SUMMARIES not in arguments:
        return ()
    for argument in arguments:
        match = QUANTILES.fullmatch(argument)
        if match:
            return tuple(pair.partition(":")[0] for pair in match[1].split(","))
    return DEFAULT_QUANTILES
