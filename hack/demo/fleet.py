"""The pods of one model, the requests that come, and who gets them; the owner of the clock lets it advance."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from random import Random

from demo.ledger import Failure, Ledger
from demo.routes import Route, at_random
from demo.service import Service
from demo.triton import Agenda, Triton


class Fleet:
    """A model's pods; the same seed, traffic and calls at the same moments give the same history.

    Times are seconds of a clock that starts at 0 and is moved by `advance`, in steps of any size.
    """

    def __init__(self, objective_s: float, *, route: Route = at_random, seed: int | str = 0) -> None:
        self.ledger = Ledger(objective_s)
        self.now_s = 0.0
        self.servers: dict[str, Triton] = {}
        """Every pod that still works, by name."""
        self._routable: list[Triton] = []
        self._leaving: list[Triton] = []
        self._agenda = Agenda()
        self._route = route
        self._random = Random(seed)  # noqa: S311 - chance that can be repeated is the point
        self._arrivals: Iterator[float] = iter(())
        self._next_arrival_s = math.inf

    # -- requests ----------------------------------------------------------------------------------------------------

    def feed(self, arrivals: Iterable[float]) -> None:
        """Let requests come at these ascending moments, instead of those so far; moments that are past are skipped."""
        self._arrivals = (at for at in arrivals if at >= self.now_s)
        self._next_arrival_s = next(self._arrivals, math.inf)

    def advance(self, to_s: float) -> None:
        """Let all happen that happens up to some moment."""
        events = self._agenda.events
        while True:
            arrival_s = self._next_arrival_s
            if events and events[0][0] <= arrival_s:
                at_s, _, server, batch = events[0]
                if at_s > to_s:
                    break
                heapq.heappop(events)
                if not server.alive:
                    continue
                if batch is None:
                    rejected = server.work(at_s)
                else:
                    latencies, rejected = server.finish(at_s, batch)
                    self.ledger.completed(at_s, latencies, server.name)
                if rejected:
                    self.ledger.failed(at_s, Failure.REJECTED, rejected)
            elif arrival_s <= to_s:
                self._arrive(arrival_s)
                self._next_arrival_s = next(self._arrivals, math.inf)
            else:
                break
        self.now_s = max(self.now_s, to_s)
        self._see_off()

    def _arrive(self, at_s: float) -> None:
        self.ledger.arrived(at_s)
        if not self._routable:
            self.ledger.failed(at_s, Failure.NO_POD)
            return
        rejected = self._route(at_s, self._routable, self._random).accept(at_s)
        if rejected:
            self.ledger.failed(at_s, Failure.REJECTED, rejected)

    # -- pods --------------------------------------------------------------------------------------------------------

    @property
    def outstanding(self) -> int:
        """How many requests are in pods, waiting or executed."""
        return sum(server.outstanding for server in (*self.servers.values(), *self._leaving))

    def join(self, name: str, service: Service) -> None:
        """Send requests to a pod from now on; one that is not there yet begins to work now, with counters at 0."""
        server = self.servers.get(name)
        if server is None:
            server = Triton(name, service, self._agenda, self._random, loaded_s=self.now_s)
            self.servers[name] = server
        if server not in self._routable:
            self._routable.append(server)

    def unroute(self, name: str) -> None:
        """Send a pod nothing any more; it works on, and it may join again."""
        self._routable = [server for server in self._routable if server.name != name]

    def leave(self, name: str) -> None:
        """Let a pod end its work and go."""
        self.unroute(name)
        server = self.servers.pop(name, None)
        if server is not None:
            self._leaving.append(server)
            self._see_off()

    def vanish(self, name: str) -> None:
        """Lose a pod with all that it has."""
        self.unroute(name)
        server = self.servers.pop(name, None)
        if server is not None:
            server.alive = False
            self.ledger.failed(self.now_s, Failure.LOST, server.outstanding)

    def _see_off(self) -> None:
        if self._leaving:
            self._leaving = [server for server in self._leaving if server.outstanding]
