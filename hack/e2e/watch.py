"""How many replicas somebody asks for, and how many serve, second by second."""

import threading
import time
from dataclasses import dataclass
from itertools import pairwise

from e2e.scene import DEPLOYMENT, Scene


@dataclass(frozen=True)
class Seen:
    """What a Deployment had `at` some time (Unix)."""

    at: float
    asked: int
    ready: int


@dataclass(frozen=True)
class Replicas:
    """What a Deployment had, in the order of time; all times are Unix, there is one at least."""

    seen: tuple[Seen, ...]

    def called(self, since: float) -> float | None:
        """Return after how many seconds more were asked for than at a moment; None if they never were."""
        before = self._at(since).asked
        return next((each.at - since for each in self.seen if each.at >= since and each.asked > before), None)

    def served(self, since: float) -> float | None:
        """Return after how many seconds more were Ready than at a moment; None if they never were."""
        before = self._at(since).ready
        return next((each.at - since for each in self.seen if each.at >= since and each.ready > before), None)

    def most(self, since: float, until: float) -> int:
        """Return the most that were asked for in a span of time."""
        return max((each.asked for each in self.seen if since <= each.at < until), default=0)

    def seconds(self, since: float, until: float) -> float:
        """Return how many were asked for in a span of time, added up over its seconds."""
        spans = ((max(one.at, since), min(after.at, until), one.asked) for one, after in pairwise(self.seen))
        return sum(asked * (end - begin) for begin, end, asked in spans if end > begin)

    def _at(self, moment: float) -> Seen:
        return next((each for each in reversed(self.seen) if each.at <= moment), self.seen[0])


class Watch(threading.Thread):
    """Looks at a Deployment each second, from its making to its end."""

    def __init__(self, scene: Scene, deployment: str) -> None:
        """Begin."""
        super().__init__(daemon=True)
        self._scene, self._deployment = scene, deployment
        self._seen: list[Seen] = []
        self._enough = threading.Event()
        self.start()

    def run(self) -> None:
        """Look until it is enough."""
        while not self._enough.is_set():
            found = self._scene.get(self._deployment, DEPLOYMENT)
            ready = found["status"].get("readyReplicas", 0)
            self._seen.append(Seen(time.time(), found["spec"]["replicas"], ready))
            self._enough.wait(1.0)

    def end(self) -> Replicas:
        """Look no more, and return what was seen."""
        self._enough.set()
        self.join()
        return Replicas(tuple(self._seen))
