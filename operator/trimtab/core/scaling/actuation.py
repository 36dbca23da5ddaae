"""From the decided number to what the Deployment's scale is set to, beside an autoscaler that may move it too."""

from trimtab.api.aimodel import ScalingSpec
from trimtab.api.inferencepool import Variant
from trimtab.core.scaling.decision import Decision
from trimtab.units import Replicas


def scale_target(decision: Decision, live: object, variant: Variant, scaling: ScalingSpec) -> Replicas | None:
    """Return what to set the scale to now, None to leave it.

    `live` is the Deployment's `spec.replicas`, None where it is not known. Without an accelerator and unpinned the
    decision is a floor: above it, up to the ceiling, the autoscaler moves by itself, so it is not pulled back.
    """
    if not isinstance(live, int) or isinstance(live, bool):
        return decision.replicas
    wanted = decision.replicas
    moves_by_itself = (
        not decision.pinned and variant.resource_name is None and scaling.autoscaler == "HorizontalPodAutoscaler"
    )
    if moves_by_itself:
        ceiling = scaling.max_replicas if decision.ceiling is None else decision.ceiling
        wanted = Replicas(max(wanted, min(live, ceiling)))
    return None if wanted == live else wanted
