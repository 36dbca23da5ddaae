"""Triton's container: its arguments, probes, and what the operator wants in the model's configuration.

How Triton behaves was tried on 2.51: its ports open only when the models given at the start are loaded; an idle HTTP
connection holds its exit for the whole exit timeout, then it exits with 1; a gRPC client stays with one pod for ever
unless connections age.
"""

from typing import Any

from trimtab.api.inferencepool import Variant
from trimtab.api.kinds import Manifest
from trimtab.api.shared import SecretReference
from trimtab.api.wire import dump
from trimtab.render.hashes import content_hash
from trimtab.render.settings import PodSettings, Serving
from trimtab.units import milliseconds, whole_seconds

CONTAINER = "triton"
HTTP_PORT = 8000
GRPC_PORT = 8001
METRICS_PORT = 8002
MODELS_PATH = "/models"
SOURCE_PATH = "/source"
TEMPORARY_PATH = "/tmp"  # noqa: S108 - an emptyDir of the pod's own, the only place where Triton may write
SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 - an emptyDir in memory: Triton's Python backends talk through it

ENDPOINTS_SETTLE_SECONDS = 10
"""From a pod's leaving the Services until clients stop sending to it; Triton serves on meanwhile."""
EXIT_SLACK_SECONDS = 15  # unloading and exiting after the exit timeout: 3-5 s without a GPU; killed, it leaks nothing
GRPC_CONNECTION_AGE_MILLISECONDS = 60_000
"""How long a new pod may wait for its share of gRPC clients; a connection costs a few milliseconds to make again."""

SUMMARY_QUANTILES = (
    "0.5:0.05,0.75:0.025,0.9:0.01,0.925:0.0075,0.95:0.005,0.97:0.003,"
    "0.98:0.002,0.985:0.0015,0.99:0.001,0.993:0.0007,0.996:0.0004,0.999:0.0001"
)
"""Quantile and tolerated error. They lie close where objectives are, from a fifth to one and a half times of what may
be late at p95 and p99: a share that is guessed between 0.95 and 0.99 costs 4 % more replicas (docs/adr/0010)."""

CPU_REQUEST = "1"  # as the API's own default
STARTUP_PERIOD_SECONDS = 2  # a cold start is found over within 2 s; a probe costs Triton under 1 ms
PRIVATE_PROTOCOLS = ("model-repository", "shared-memory", "trace", "logging")
"""What only somebody on the same machine, or an operator of the server, has a use for."""
PRIVATE_HEADER = "trimtab-private"


def triton_container(serving: Serving, settings: PodSettings) -> Manifest:
    """Return the container that serves the model."""
    environment = [{"name": "HOME", "value": TEMPORARY_PATH}]
    if serving.variant.resource_name is None:
        # NVIDIA's images say `all`, which shows every GPU of the node to a pod that has asked for none.
        environment.append({"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"})
    environment += [{"name": variable.name, "value": variable.value} for variable in serving.spec.serving.env]
    return {
        "name": CONTAINER,
        "image": serving.spec.serving.image or settings.triton_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["tritonserver"],
        "args": list(arguments(serving)),
        "env": environment,
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": resources(serving),
        "lifecycle": {"preStop": {"sleep": {"seconds": ENDPOINTS_SETTLE_SECONDS}}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **probes(serving),
    }


def arguments(serving: Serving) -> tuple[str, ...]:
    """Return Triton's command line."""
    drain = serving.spec.serving.drain.timeout
    private = f"{','.join(PRIVATE_PROTOCOLS)}:{PRIVATE_HEADER}={content_hash(serving.model.uid)}"
    return (
        f"--model-repository={MODELS_PATH}",
        "--model-control-mode=none",
        "--exit-on-error=true",
        "--strict-readiness=true",
        f"--exit-timeout-secs={whole_seconds(drain)}",
        "--allow-http=true",
        f"--http-port={HTTP_PORT}",
        f"--http-restricted-api={private}",
        "--allow-grpc=true",
        f"--grpc-port={GRPC_PORT}",
        f"--grpc-restricted-protocol={private}",
        f"--grpc-max-connection-age={GRPC_CONNECTION_AGE_MILLISECONDS}",
        f"--grpc-max-connection-age-grace={milliseconds(drain)}",
        "--allow-metrics=true",
        f"--metrics-port={METRICS_PORT}",
        f"--allow-gpu-metrics={'true' if serving.variant.resource_name else 'false'}",
        "--metrics-config=summary_latencies=true",
        f"--metrics-config=summary_quantiles={SUMMARY_QUANTILES}",
        "--log-format=ISO8601",
        "--log-info=false",  # its table of options would push the cause of a failed start out of the last 2 KiB
    )


def probes(serving: Serving) -> Manifest:
    """Return the three probes.

    Startup may take as long as the user said: until then the connection is refused. Ready is asked of the model, since
    the server's own readiness covers every model that ever failed. Alive is asked patiently: a server that is only
    busy must not be killed, since its load would go to the others.
    """
    live = {"path": "/v2/health/live", "port": "http"}
    startup = whole_seconds(serving.spec.serving.startup.timeout)
    return {
        "startupProbe": {
            "httpGet": live,
            "periodSeconds": STARTUP_PERIOD_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": -(-startup // STARTUP_PERIOD_SECONDS),
        },
        "readinessProbe": {
            "httpGet": {"path": f"/v2/models/{serving.triton_name}/ready", "port": "http"},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            "httpGet": live,
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "failureThreshold": 12,  # two minutes of silence
        },
    }


def resources(serving: Serving) -> Manifest:
    """Return requests and limits, the variant's accelerator in both.

    A request for the processor is always among them: the autoscaler's target is a share of it.
    """
    asked = serving.spec.serving.resources
    requests, limits = dump(asked.requests), dump(asked.limits)
    requests.setdefault("cpu", limits.get("cpu", CPU_REQUEST))
    if serving.variant.resource_name is not None:
        count = str(serving.variant.accelerators_per_replica or 1)
        requests[serving.variant.resource_name] = limits[serving.variant.resource_name] = count
    return {"requests": requests, **({"limits": limits} if limits else {})}


def model_config(serving: Serving) -> dict[str, Any]:
    """Return what the operator wants in the model's config.pbtxt, as a ModelConfig in protobuf's JSON form.

    Fresh requests go before those that have waited for three quarters of what a request may take (docs/adr/0012): most
    of these will be late, the others need not be. No `max_queue_size`: what it rejects is not counted, and throughput
    falls while it rejects. First come, first served is what Triton does by itself.
    """
    triton = serving.spec.serving.triton
    batching: dict[str, Any] = {
        "max_queue_delay_microseconds": milliseconds(triton.dynamic_batching.max_queue_delay) * 1_000,
    }
    if triton.queue_policy == "FreshFirst":
        batching["default_queue_policy"] = {
            "timeout_action": "DELAY",
            "default_timeout_microseconds": milliseconds(serving.spec.objectives.latency.target) * 750,
        }
    if triton.dynamic_batching.preferred_batch_sizes:
        batching["preferred_batch_size"] = list(triton.dynamic_batching.preferred_batch_sizes)
    config: dict[str, Any] = {"dynamic_batching": batching}
    if triton.max_batch_size is not None:
        config["max_batch_size"] = triton.max_batch_size
    if triton.instances_per_replica is not None:
        config["instance_group"] = _instance_groups(serving.variant, triton.instances_per_replica)
    return config


def _instance_groups(variant: Variant, copies: int) -> list[Manifest]:
    """Return the groups that make so many copies in all: Triton makes a group's count on each of its GPUs."""
    if variant.resource_name is None:
        return [{"count": copies, "kind": "KIND_CPU"}]
    accelerators = variant.accelerators_per_replica or 1
    each, more = divmod(copies, accelerators)
    if not more:
        return [{"count": each, "kind": "KIND_GPU"}]
    first, rest = list(range(more)), list(range(more, accelerators))
    groups = [{"count": each + 1, "kind": "KIND_GPU", "gpus": first}]
    return [*groups, {"count": each, "kind": "KIND_GPU", "gpus": rest}] if each else groups


def references(secrets: tuple[SecretReference, ...]) -> list[Manifest]:
    """Return local object references as a pod spells them."""
    return [{"name": secret.name} for secret in secrets]
