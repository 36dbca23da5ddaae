"""A real Triton serves what an AIModel says, over both protocols, and the operator sees its traffic."""

import time

from e2e.cluster import told
from e2e.scene import Scene
from operator_world import tell


def test_a_model_on_a_volume_answers_over_both_protocols(scene: Scene) -> None:
    """From apply to Ready, then ten seconds of requests over HTTP and as many over gRPC."""
    scene.pool()
    scene.claim()
    began = time.monotonic()
    scene.model("echo")

    scene.is_serving("echo")
    tell(f"from apply to Ready in {time.monotonic() - began:.1f} s")

    for protocol in ("http", "grpc"):
        report = scene.call(scene.load("echo", protocol, rates=((5, 10),), target_ms=1000)).whole()
        tell(f"{protocol}: {report.total}")
        assert (report.total.sent, report.total.answered) == (50, 50)
        assert set(report.pods) == set(scene.serving("echo"))


def test_a_torch_model_is_served_and_measured(scene: Scene) -> None:
    """TorchScript on the processor: clients get answers, and status tells of fresh metrics and a latency."""
    scene.pool()
    scene.claim()
    scene.model("mlp", "mlp", serving={"resources": {"requests": {"cpu": "50m", "memory": "512Mi"}}})
    scene.is_serving("mlp", seconds=300)

    report = scene.call(scene.load("mlp", rates=((10, 60),), target_ms=1000)).whole()

    assert report.total.answered == report.total.sent == 600
    scene.says("mlp", "MetricsFresh", "True", "Fresh", seconds=60)
    tell(f"clients: {report.total}; status: {told(scene.get('mlp'))}")
    assert scene.get("mlp")["status"]["latency"]["observed"]
