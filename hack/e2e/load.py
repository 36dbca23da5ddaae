"""Clients that call a model from inside the cluster, and count for themselves: the pod that does it.

The program is tests/e2e/client; what it prints is read by `e2e.report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Manifest = dict[str, Any]

PROGRAM = Path(__file__).parents[2] / "tests" / "e2e" / "client"
FILES = ("client.py", "counting.py")
MOUNTED = "/client"
USER = 1000
START_SECONDS = 60  # an image that is on the node, Python, and numpy: 2 to 10 s on two busy cores
GRACE_SECONDS = 10  # 5 s for what is under way, then the summary


@dataclass(frozen=True, kw_only=True)
class Load:
    """What to do to a `model` at an `address` (`HOST:PORT`).

    A `stream` follows `rates`, pairs of requests per second and seconds. A `hold` has `connections` gRPC clients call
    every so many seconds, for some `seconds`. `seed` makes the requests of a stream come as from many users, instead of
    evenly spaced. `age` is after how many seconds an HTTP connection is made anew; absent: never.
    """

    address: str
    model: str
    mode: Literal["stream", "hold"] = "stream"
    protocol: Literal["http", "grpc"] = "http"
    rates: tuple[tuple[float, float], ...] = ()
    every: float | None = None
    seconds: float = 60.0
    connections: int = 4
    target_ms: float | None = None
    timeout: float = 10.0
    age: float | None = None
    elements: int = 16
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would be done in another way than it was written."""
        if self.mode == "stream" and (not self.rates or self.every is not None):
            raise ValueError("a stream needs rates, such as ((20, 60),), and no `every`: that is for a hold")
        if self.mode == "hold" and (self.rates or not self.every):
            raise ValueError("a hold needs `every`, in seconds, and no rates: those are for a stream")

    @property
    def lasts(self) -> float:
        """Return for how many seconds requests are due."""
        return sum(seconds for _, seconds in self.rates) if self.mode == "stream" else self.seconds

    @property
    def arguments(self) -> list[str]:
        """Return the program's command line."""
        options: dict[str, Any] = {
            "rates": ",".join(f"{rate}:{seconds}" for rate, seconds in self.rates) or None,
            "every": self.every,
            "seconds": None if self.rates else self.seconds,
            "protocol": self.protocol if self.mode == "stream" else None,
            "connections": self.connections,
            "target-ms": self.target_ms,
            "timeout": self.timeout,
            "age": self.age,
            "elements": self.elements,
            "random": self.seed,
        }
        given = [f"--{name}={value}" for name, value in options.items() if value is not None]
        return [self.mode, self.address, self.model, *given]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a client runs: a pod of this `name`, of Triton's `image`; on one `node` where others will be drained."""

    namespace: str
    name: str
    image: str
    node: str | None = None


def manifests(load: Load, place: Place) -> tuple[Manifest, Manifest]:
    """Return the program and the pod that runs it once; it fits the restricted profile and ends by itself."""
    about = {
        "name": place.name,
        "namespace": place.namespace,
        "labels": {"app.kubernetes.io/name": "e2e-client"},
    }
    program = {name: (PROGRAM / name).read_text() for name in FILES}
    container = {
        "name": "client",
        "image": place.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-B", f"{MOUNTED}/{FILES[0]}", *load.arguments],
        # No limit of its processor time: throttled, it would measure itself.
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "program", "mountPath": MOUNTED, "readOnly": True}],
    }
    spec = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": round(START_SECONDS + load.lasts + load.timeout + GRACE_SECONDS),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "program", "configMap": {"name": place.name}}],
        **({"nodeSelector": {"kubernetes.io/hostname": place.node}} if place.node else {}),
    }
    return (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": program},
        {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec},
    )
