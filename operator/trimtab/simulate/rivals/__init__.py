"""The autoscalers that Trimtab is measured against: each from its published algorithm, as shipped but for one knob."""

from trimtab.simulate.rivals import aibrix, dynamo, hpa, keda, knative, ray_serve, static, wva
from trimtab.simulate.rivals.rival import Rival

RIVALS: dict[str, Rival] = {
    rival.name: rival
    for rival in (
        static.STATIC,
        hpa.UTILISATION,
        hpa.CONCURRENCY,
        hpa.QUEUE,
        knative.KPA,
        keda.KEDA,
        keda.KEDA_RATE,
        wva.V1,
        wva.V2,
        wva.V2_AT_ONCE,
        dynamo.THROUGHPUT,
        dynamo.THROUGHPUT_CONSTANT,
        dynamo.THROUGHPUT_KALMAN,
        dynamo.LOAD,
        dynamo.LOAD_WITHIN,
        dynamo.HYBRID,
        aibrix.APA,
        aibrix.COPY,
        ray_serve.RAY_SERVE,
    )
}
"""By name, in the order of tables."""

__all__ = ["RIVALS", "Rival"]
