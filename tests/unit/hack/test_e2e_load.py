"""What clients in the cluster are given to do, and what is read from their logs."""

import json
from typing import Any

import pytest

from e2e.load import GRACE_SECONDS, Load, Place, manifests
from e2e.report import Report, ReportError, failures, first_shared, shares

PLACE = Place(namespace="shop", name="caller", image="triton:1", node="worker-2")
TOTALS = {
    "sent": 10,
    "answered": 8,
    "failed": 2,
    "unfinished": 0,
    "late": 1,
    "attainment": 0.7,
    "latency_ms": {"p50": 1.0, "p90": 2.0, "p95": 3.0, "p99": None},
}


def second(at: float, **pods: int) -> str:
    """Return the line of a second."""
    answered = sum(pods.values())
    return json.dumps({"at": at, "sent": answered, "answered": answered, "failed": 0, "late": 0, "pods": pods})


def last(*pods: str, **changes: Any) -> str:  # noqa: ANN401 - JSON
    """Return the last line of a client with failures on those pods."""
    told = [{"due": 1.0, "at": 2.0, "kind": "reset", "detail": "gone", "pod": pod} for pod in pods]
    summary = {"began": 0.0, "ended": 9.0, "behind_ms": 0.4, "pods": {"a": 8}, "kinds": {"reset": len(pods)}}
    totals = {**TOTALS, "failed": len(pods), **changes}
    return json.dumps(
        {"summary": {**summary, **totals, "failures": told, "steps": [{"rate": 5, "seconds": 2, **TOTALS}]}}
    )


def test_a_client_fits_the_restricted_profile_and_ends_by_itself() -> None:
    """Its program is in a ConfigMap of its own name; Kubernetes ends it after all that it may take."""
    load = Load(address="echo.shop.svc:8000", model="echo", rates=((20, 30), (40, 60)), timeout=10)
    config, pod = manifests(load, PLACE)
    spec = pod["spec"]
    (container,) = spec["containers"]

    assert set(config["data"]) == {"client.py", "counting.py"}
    assert config["metadata"] == pod["metadata"]
    assert spec["volumes"][0]["configMap"]["name"] == config["metadata"]["name"] == "caller"
    assert container["command"][:3] == ["python3", "-B", "/client/client.py"]
    assert container["command"][3:] == load.arguments
    assert spec["activeDeadlineSeconds"] >= 90 + 10 + GRACE_SECONDS
    assert spec["nodeSelector"] == {"kubernetes.io/hostname": "worker-2"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "a stream needs rates"),
        ({"rates": ((5, 1),), "every": 1.0}, "that is for a hold"),
        ({"mode": "hold"}, "a hold needs `every`"),
        ({"mode": "hold", "every": 1.0, "rates": ((5, 1),)}, "those are for a stream"),
    ],
)
def test_a_load_that_says_two_things_or_none_is_refused(options: dict[str, Any], words: str) -> None:
    """Otherwise one of them would be silently left out."""
    with pytest.raises(ValueError, match=words):
        Load(address="h:1", model="m", **options)


def test_a_report_is_read_from_a_log_in_which_other_things_stand() -> None:
    """Warnings of libraries are kept aside; so is a line of which only half was read."""
    logs = "\n".join(["W1124 gRPC says so", second(5.0, a=3, b=1), "[1, 2]", last("a"), '{"at": 6.0, "se'])
    report = Report.of(logs)

    assert [(each.at, each.pods) for each in report.seconds] == [(5.0, {"a": 3, "b": 1})]
    assert report.rest == 'W1124 gRPC says so\n[1, 2]\n{"at": 6.0, "se'
    assert report.whole().total.attainment == 0.7
    assert report.whole().steps[0].sent == 10


def test_a_client_that_did_not_end_is_told_with_its_last_words() -> None:
    """While it runs, its seconds can be read already."""
    report = Report.of(f"{second(5.0, a=1)}\nTraceback: no module named numpy")

    assert report.summary is None
    with pytest.raises(ReportError, match=r"no summary after 1 seconds.*no module named numpy"):
        report.whole()


def test_shares_are_of_the_answers_in_a_span_of_time() -> None:
    """Its end is not included; where nobody answered, nobody has a share."""
    report = Report.of("\n".join([second(5.0, a=9), second(6.0, a=2, b=1), second(7.0, b=1), second(8.0, a=9)]))

    assert shares(report, 6.0, 8.0) == {"a": 0.5, "b": 0.5}
    assert shares(report, 9.0, 10.0) == {}


def test_pods_share_in_the_first_window_in_which_each_has_its_part() -> None:
    """In windows of two seconds: a tenth of what `b` gives later is too little, a fifth may be enough."""
    counts = [(9, 0), (8, 2), (8, 2), (9, 0), (5, 5), (5, 5)]
    report = Report.of("\n".join(second(float(at), a=a, b=b) for at, (a, b) in enumerate(counts)))

    assert first_shared(report, ["a", "b"], share=0.19, window=2) == 1.0
    assert first_shared(report, ["a", "b"], share=0.25, window=2) == 3.0
    assert first_shared(report, ["a", "b"], share=0.4, window=2) == 4.0
    assert first_shared(report, ["a", "b", "c"], share=0.1, window=2) is None
    assert first_shared(report, ["a"], window=7) is None


def test_failures_on_a_pod_that_was_killed_can_be_left_out() -> None:
    """All others remain, also where nobody knows which pod it was."""
    report = Report.of(last("a", "b", ""))

    assert [each.pod for each in failures(report)] == ["a", "b", ""]
    assert [each.pod for each in failures(report, beside=["a"])] == ["b", ""]


def test_failures_of_which_the_client_told_only_some_are_an_error() -> None:
    """Who asks for those beside a pod must not be told that there were none."""
    with pytest.raises(ReportError, match="70 failed, only 2 are told"):
        failures(Report.of(last("a", "a", failed=70)), beside=["a"])
