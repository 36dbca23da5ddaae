"""Who had the cores: processor time of each component, and the operator's memory."""

from __future__ import annotations

import time

from controlplane import ControlPlane
from controlplane.usage import cpu_seconds, peak_bytes

OURSELVES = "this benchmark"


class Meter:
    """Reads how much processor time each of a plane's processes has used, over all their lives."""

    def __init__(self, plane: ControlPlane, *, operator: str) -> None:
        """Measure `plane`; `operator` is the name of the component whose memory counts."""
        self._plane = plane
        self._operator = operator
        self._spent: dict[tuple[str, int], float] = {}
        self.operator_peak_bytes = 0

    def read(self) -> dict[str, float]:
        """Return the seconds that each component has used so far, and remember them for when its process is gone."""
        for name, component in self._plane.components.items():
            key = (name, component.process.pid)
            self._spent[key] = max(self._spent.get(key, 0.0), cpu_seconds(component.process.pid))
            if name == self._operator:
                self.operator_peak_bytes = max(self.operator_peak_bytes, peak_bytes(component.process.pid))
        totals = {OURSELVES: time.process_time()}
        for (name, _), seconds in self._spent.items():
            totals[name] = totals.get(name, 0.0) + seconds
        return totals
