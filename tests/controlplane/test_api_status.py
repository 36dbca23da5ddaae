"""What the operator writes into a status is what stands there afterwards."""

from dataclasses import replace

from api_examples import MODEL
from controlplane import Api
from fakes.measured import measured, sample
from fakes.snapshots import SERVICE_OF_MODEL, deployment, model_spec, pod, snapshot, status_of
from trimtab.api.wire import dump
from trimtab.core.reporting import Urgency, urgency
from trimtab.core.scaling.observation import LatencyDistribution, LatencyPoint
from trimtab.units import Seconds

KIND = "trimtab.io/v1alpha1/AIModel"
LATENCY = LatencyDistribution(
    points=(
        LatencyPoint(quantile=0.5, latency=Seconds(0.02)),
        LatencyPoint(quantile=0.99, latency=Seconds(0.12)),
    ),
    requests=1e4,
    source="PodSummaries",
    resolution=Seconds(0.0),
)


def test_a_status_comes_back_as_it_was_written(api: Api, namespace: str) -> None:
    """The server adds nothing to all that the operator can say, nor drops any: else it would be written for ever."""
    serving = snapshot(deployment(asked=2), SERVICE_OF_MODEL, spec=model_spec(budget="1.00"), pods=[pod(ready=True)])
    said = dump(status_of(measured(serving, replace(sample(700.0), latency=LATENCY, busiest=2.0))))
    api.create({**MODEL, "metadata": {"name": "fraud", "namespace": namespace}})

    api.patch(KIND, "fraud", {"status": said}, namespace=namespace, part="status")

    assert {"latency", "decision", "cost", "version"} <= said.keys()
    assert {"wantedReplicas", "trail", "hint", "nextReplica"} <= said["decision"].keys()
    assert len(said["conditions"]) == 8
    model = api.get(KIND, "fraud", namespace)
    assert model is not None
    assert model["status"] == said
    assert urgency(model["status"], said) is Urgency.NOTHING
