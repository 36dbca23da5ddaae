"""What a Prometheus operator is told; config/prometheus/scrape.yaml says the same to a plain Prometheus."""

from trimtab.api.kinds import POD_MONITOR, Manifest
from trimtab.render.names import base_name, labels, metadata, selector
from trimtab.render.settings import Serving

JOB = "trimtab-models"
UNREAD = "nv_inference_(queue|compute_.*)_summary_us.*"
"""Triton keeps five summaries; those of whole requests are read."""


def render_pod_monitor(serving: Serving) -> Manifest:
    """Return the PodMonitor; labels that a server puts on its own series never pass for those of the scraper."""
    return {
        "apiVersion": POD_MONITOR.api_version,
        "kind": POD_MONITOR.kind,
        "metadata": metadata(serving.model, base_name(serving.model.name), labels(serving.model.name)),
        "spec": {
            "selector": {"matchLabels": selector(serving.model.name)},
            "podMetricsEndpoints": [
                {
                    "port": "metrics",
                    "path": "/metrics",
                    "interval": "5s",
                    "scrapeTimeout": "4s",
                    "honorLabels": False,
                    "honorTimestamps": False,
                    "relabelings": [
                        {
                            "sourceLabels": ["__meta_kubernetes_pod_label_trimtab_io_model"],
                            "targetLabel": "trimtab_model",
                            "action": "replace",
                        },
                        {"targetLabel": "job", "replacement": JOB, "action": "replace"},
                        {"regex": "container|endpoint", "action": "labeldrop"},
                    ],
                    "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": UNREAD, "action": "drop"}],
                }
            ],
            "sampleLimit": 20_000,
            "labelLimit": 30,
            "labelValueLengthLimit": 512,
        },
    }
