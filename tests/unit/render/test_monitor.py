"""The PodMonitor and config/prometheus/scrape.yaml say the same, each to its own reader."""

import re
from pathlib import Path
from typing import Any

import yaml

from samples import SAMPLES, serving_of
from trimtab.adapters.prometheus.promql import demand, facts, quantiles
from trimtab.core.scaling.observation import ModelRef
from trimtab.render.monitor import render_pod_monitor
from trimtab.render.names import base_name

MODELS = (ModelRef("payments", "fraud-scorer", 1),)
NAMES = re.compile(r"nv_inference_\w+")
SCRAPE = Path(__file__).parents[3] / "config" / "prometheus" / "scrape.yaml"
POD = {
    "__address__": "10.0.0.7:8002",
    "__meta_kubernetes_namespace": "payments",
    "__meta_kubernetes_pod_name": "fraud-scorer-l4-6c9f-x2x5p",
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_pod_container_init": "false",
    "__meta_kubernetes_pod_container_name": "triton",
    "__meta_kubernetes_pod_container_port_name": "metrics",
    "__meta_kubernetes_pod_label_trimtab_io_model": "fraud-scorer",
}
"""What Prometheus' discovery tells of a pod's metrics port."""


def relabelled(target: dict[str, str], rules: list[dict[str, Any]]) -> dict[str, str] | None:
    """Return the labels of a target after Prometheus' relabelling, None if it is dropped; the actions used here."""
    labels = dict(target)
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule.get("source_labels", []))
        matched = re.fullmatch(str(rule.get("regex", "(.*)")), value)
        match rule.get("action", "replace"):
            case "keep" if not matched:
                return None
            case "drop" if matched:
                return None
            case "labeldrop":
                labels = {name: text for name, text in labels.items() if not re.fullmatch(rule["regex"], name)}
            case "replace" if matched:
                labels[rule["target_label"]] = matched.expand(rule.get("replacement", "$1").replace("$1", r"\1"))
            case _:
                pass
    labels.setdefault("instance", labels["__address__"])
    return {name: text for name, text in labels.items() if not name.startswith("__")}


def by_the_file(target: dict[str, str]) -> dict[str, str] | None:
    """Return the labels that a plain Prometheus gives."""
    (job,) = yaml.safe_load(SCRAPE.read_text())["scrape_configs"]
    return relabelled({**target, "job": job["job_name"]}, job["relabel_configs"])


def by_the_monitor(target: dict[str, str]) -> dict[str, str] | None:
    """Return the labels that a Prometheus gives whose operator has translated the PodMonitor.

    Its own rules come first: the selected pods and port, then namespace, container, pod, job and endpoint.
    """
    serving = serving_of(SAMPLES[0], namespace="payments")
    spec = render_pod_monitor(serving)["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    (label,) = spec["selector"]["matchLabels"].values()
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    ours = [{names.get(key, key): value for key, value in rule.items()} for rule in endpoint["relabelings"]]
    theirs = [
        {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)", "action": "drop"},
        {"source_labels": ["__meta_kubernetes_pod_label_trimtab_io_model"], "regex": label, "action": "keep"},
        {
            "source_labels": ["__meta_kubernetes_pod_container_port_name"],
            "regex": endpoint["port"],
            "action": "keep",
        },
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": ["__meta_kubernetes_pod_container_name"], "target_label": "container"},
        {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        {"target_label": "job", "replacement": f"payments/{base_name(serving.model.name)}"},
        {"target_label": "endpoint", "replacement": endpoint["port"]},
    ]
    return relabelled({**target, "job": ""}, [*theirs, *ours])


def test_both_give_a_pods_series_the_same_labels() -> None:
    """So every query of the operator's works with either."""
    labels = by_the_file(POD)

    assert labels == by_the_monitor(POD)
    assert labels == {
        "instance": "10.0.0.7:8002",
        "job": "trimtab-models",
        "namespace": "payments",
        "pod": "fraud-scorer-l4-6c9f-x2x5p",
        "trimtab_model": "fraud-scorer",
    }


def test_both_read_the_metrics_port_alone() -> None:
    """A pod's other ports, and pods that have ended, are not asked."""
    for change in ({"__meta_kubernetes_pod_container_port_name": "http"}, {"__meta_kubernetes_pod_phase": "Succeeded"}):
        assert by_the_file(POD | change) is None
        assert by_the_monitor(POD | change) is None


def test_both_believe_a_pod_as_little() -> None:
    """Its labels never pass for another's, its timestamps for now; a server that invents series is cut off."""
    (job,) = yaml.safe_load(SCRAPE.read_text())["scrape_configs"]
    spec = render_pod_monitor(serving_of(SAMPLES[0]))["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]

    assert job["honor_labels"] is endpoint["honorLabels"] is False
    assert job["honor_timestamps"] is endpoint["honorTimestamps"] is False
    assert (job["scrape_interval"], job["scrape_timeout"]) == (endpoint["interval"], endpoint["scrapeTimeout"])
    for ours, theirs in (("sample_limit", "sampleLimit"), ("label_limit", "labelLimit")):
        assert job[ours] == spec[theirs]
    assert job["label_value_length_limit"] == spec["labelValueLengthLimit"]


def test_both_drop_what_nobody_reads_and_keep_what_the_operator_asks_for() -> None:
    """Of Triton's five summaries, the one of whole requests; no counter is dropped."""
    (job,) = yaml.safe_load(SCRAPE.read_text())["scrape_configs"]
    (endpoint,) = render_pod_monitor(serving_of(SAMPLES[0]))["spec"]["podMetricsEndpoints"]
    (plain,), (theirs,) = job["metric_relabel_configs"], endpoint["metricRelabelings"]

    assert (plain["source_labels"], plain["regex"], plain["action"]) == (
        theirs["sourceLabels"],
        theirs["regex"],
        theirs["action"],
    )
    dropped = re.compile(plain["regex"]).fullmatch
    asked = {
        name for question in (facts(MODELS), demand(MODELS), quantiles(MODELS)) for name in NAMES.findall(question)
    }
    assert "nv_inference_request_summary_us" in asked
    assert not [name for name in asked if dropped(name)]
    assert dropped("nv_inference_queue_summary_us")
    assert dropped("nv_inference_compute_infer_summary_us_count")
