"""How many requests were in time for all that Triton tells: what bounds every estimate that is made of it."""

from typing import Any
from urllib.parse import quote

from demo.recompute import US, share_within
from e2e.cluster import Cluster
from e2e.install import MONITORING

SERVICE = "prometheus:9090"
WINDOW_S = 54
"""Seconds that a summary of Triton's covers in the mean: 48 to 60."""


def bounds(cluster: Cluster, namespace: str, model: str, target_s: float) -> tuple[float, float] | None:
    """Return the least and the largest share of requests, 0 to 1, that a target can have been kept by.

    Each pod counts by the requests that it has answered meanwhile. None where none was answered.
    """
    where = f'{{namespace="{namespace}",trimtab_model="{model}"}}'
    answered = _by_pod(cluster, f"increase(nv_inference_request_success{where}[{WINDOW_S}s])")
    points: dict[str, list[tuple[float, float]]] = {pod: [] for pod in answered}
    for labels, value in _ask(cluster, f"nv_inference_request_summary_us{where}"):
        points.setdefault(labels["pod"], []).append((float(labels["quantile"]), value / US))
    total = sum(answered.values())
    if not total:
        return None
    shares = {pod: share_within(sorted(told), target_s) for pod, told in points.items()}
    least, most = (sum(number * shares[pod][end] for pod, number in answered.items()) / total for end in (0, 2))
    return least, most


def _by_pod(cluster: Cluster, query: str) -> dict[str, float]:
    return {labels["pod"]: value for labels, value in _ask(cluster, query)}


def _ask(cluster: Cluster, query: str) -> list[tuple[dict[str, str], float]]:
    answer: dict[str, Any] = cluster.proxy(MONITORING, SERVICE, f"/api/v1/query?query={quote(query)}")
    return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]
