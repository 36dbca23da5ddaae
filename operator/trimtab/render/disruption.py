"""How many of a model's replicas may leave at once when nodes are emptied."""

from trimtab.api.kinds import POD_DISRUPTION_BUDGET, Manifest
from trimtab.render.names import base_name, labels, metadata, selector
from trimtab.render.settings import Serving


def render_disruption_budget(serving: Serving) -> Manifest:
    """Return the PodDisruptionBudget: one replica at a time, broken ones always, so no node waits for ever."""
    return {
        "apiVersion": POD_DISRUPTION_BUDGET.api_version,
        "kind": POD_DISRUPTION_BUDGET.kind,
        "metadata": metadata(serving.model, base_name(serving.model.name), labels(serving.model.name)),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector(serving.model.name)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
