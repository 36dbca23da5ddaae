"""Which pod a request goes to: what a Service, a crowd of clients or a gateway would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from demo.triton import Triton

CLIENTS = 64
CONNECTION_AGE_S = 60.0  # what trimtab.render.triton sets as --grpc-max-connection-age
AGE_SPREAD = 0.1  # gRPC varies each connection's age by so much, lest all come back at once

Route = Callable[[float, Sequence[Triton], Random], Triton]
"""Chooses one of the pods that take requests at a moment; there is at least one."""


class Routing(StrEnum):
    """The ways that requests are spread."""

    RANDOM = "random"
    """Each on its own: a ClusterIP, and clients that connect anew for each request."""
    CONNECTIONS = "connections"
    """Each client stays with one pod while its connection lives: a ClusterIP, and gRPC."""
    LEAST_OUTSTANDING = "least-outstanding"
    """Each to the pod that has the fewest: a gateway that knows."""


def at_random(_: float, pods: Sequence[Triton], random: Random) -> Triton:
    """Choose any pod."""
    return pods[int(random.random() * len(pods))]


def least_outstanding(_: float, pods: Sequence[Triton], random: Random) -> Triton:
    """Choose any of the pods that have the fewest requests."""
    fewest = min(pod.outstanding for pod in pods)
    return at_random(_, [pod for pod in pods if pod.outstanding == fewest], random)


@dataclass
class Connections:
    """So many clients that each keep a connection to one pod, until it is `max_age_s` old or the pod goes."""

    clients: int = CLIENTS
    max_age_s: float = CONNECTION_AGE_S
    _to: dict[int, tuple[Triton, float]] = field(default_factory=dict)

    def __call__(self, now_s: float, pods: Sequence[Triton], random: Random) -> Triton:
        """Choose any client, and return the pod that it is connected to."""
        client = int(random.random() * self.clients)
        pod, ends_s = self._to.get(client, (None, 0.0))
        if pod is None or now_s >= ends_s or pod not in pods:
            pod = at_random(now_s, pods, random)
            ends_s = now_s + self.max_age_s * (1 + AGE_SPREAD * (2 * random.random() - 1))
            self._to[client] = pod, ends_s
        return pod


ROUTES: dict[Routing, Callable[[], Route]] = {
    Routing.RANDOM: lambda: at_random,
    Routing.CONNECTIONS: Connections,
    Routing.LEAST_OUTSTANDING: lambda: least_outstanding,
}
