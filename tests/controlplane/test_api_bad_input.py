"""What somebody might write by mistake or on purpose, and what a real API server answers.

What the server takes because only the operator can judge it is named as such: the address of a model's host depends on
what the administrator allows, so `trimtab.api.model_uri` refuses it, and the model becomes Ready=False.
"""

from collections.abc import Iterator

import pytest

from api_examples import changed, refusal, try_to_create
from controlplane import Api
from controlplane.api import ApiError
from trimtab.api.kinds import Manifest
from trimtab.api.model_uri import parse_model_uri

TARGET = "spec.objectives.latency.target"
URI = "spec.model.source.uri"
MEGABYTE = 1_000_000
READABLE = 1_000
"""Characters of a message that a person still reads."""

NOT_DURATIONS = (
    "-5s", "5 minutes", "0s", "99999999h", "NaN", "1e3s", "", "80", "80 ms", "+1s", "1.5s", "\u0663s", "1s\n", "11m",
)  # fmt: skip
NOT_AMOUNTS = (
    "-1", "-0", "+1", "0", "NaN", "Infinity", "1e400", "1e3", "0x10", "1,5", "1 Gi", "", "999999999999T", "9" * 30,
    "\u0663", "1Gi\n", "1GiB", 0, -1, 10**30,
)  # fmt: skip
NOT_PRICES = (
    "-1", "-0", "0", "0.0", "NaN", "Infinity", "1e400", "1e-3", "$1", "0,80", "", ".5", "1.", "9" * 10, "0.1234567",
)  # fmt: skip
NOT_SOURCES = (
    "file:///etc/passwd", "file:/etc/passwd", "/models/fraud", "models/fraud", "../models", "s3://bucket/../other/key",
    "s3://bucket/..", "s3://bucket/./key", "s3://bucket/%2e%2e/key", "s3://bucket/%252e%252e/key", "https://h.example/..",
    "https://h.example/a/../../b", "https://h.example\\@evil.example/m", "https://u:p@h.example/m", "HTTPS://h.example/m",
    "ftp://h.example/m", "data:text/plain,x", "gopher://h.example/m", "https:/h.example/m", "https:///m", "s3:///key",
    "https://h.example/a b", "https://h.example/m\n", "\thttps://h.example/m", "https://h.example/'m'", "https://h.example/#m",
    "https://h.example/${HOME}", "https://h.example/`id`", "https://bücher.example/m", "https://h\uff0eexample/m", "",
)  # fmt: skip
JUDGED_LATER = (
    "http://127.0.0.1/m", "http://127.1/m", "http://2130706433/m", "http://0x7f000001/m", "http://0177.0.0.1/m",
    "http://[::1]/m", "http://[::ffff:127.0.0.1]/m", "http://localhost/m", "http://169.254.169.254/latest/meta-data",
    "http://169.254.10.10/m", "http://[fe80::1]/m", "http://[fd00:ec2::254]/m", "http://metadata.google.internal/m",
    "http://10.0.0.1/m", "http://kubernetes.default.svc/m", "http://100.100.100.200/m", "http://0/m",
)  # fmt: skip
NOT_LABELS = (
    {"team": "a'b"}, {"team": '"'}, {"team": "{{x}}"}, {"team": "a\nb"}, {"team": "a b"}, {"team": "-a"}, {"": "a"},
    {"te'am": "a"}, {"te\nam": "a"}, {"te{am": "a"}, {"a/b/c": "a"}, {"a..b/c": "a"}, {"UPPER/c": "a"}, {"t" * 64: "a"},
)  # fmt: skip
ALL_LABELS = (
    ("AIModel", "spec.serving.labels"), ("AIModel", "spec.serving.nodeSelector"),
    ("InferencePool", "spec.variants.0.nodeSelector"),
)  # fmt: skip


def _wrong_values() -> Iterator[tuple[str, str, object, str]]:
    """Return kind, field, value, and what the message has to say."""
    for duration in NOT_DURATIONS:
        yield "AIModel", TARGET, duration, "must be a whole number with ms, s, m or h, from 1ms to 10m"
    for amount in NOT_AMOUNTS:
        words = "must be of type integer" if amount == 10**30 else "must be digits, perhaps a fraction"
        yield "AIModel", "spec.serving.resources.requests.memory", amount, words
    for price in NOT_PRICES:
        yield "InferencePool", "spec.variants.0.pricePerHour", price, "must be a decimal number above 0"
    for source in NOT_SOURCES:
        yield "AIModel", URI, source, "spec.model.source.uri: Invalid value"
    for labels in NOT_LABELS:
        for kind, field in ALL_LABELS:
            yield kind, field, labels, "must be a label's"
    for replicas in (0, -1, 1001, 10**30, 1.5, "3"):
        yield "AIModel", "spec.scaling.maxReplicas", replicas, "spec.scaling.maxReplicas in body"
    for pin in (-1, 1001):
        yield "AIModel", "spec.replicas", pin, "spec.replicas in body should be"
    yield "AIModel", "spec.scaling", {"minReplicas": 5, "maxReplicas": 3}, "lower it, or raise maxReplicas"
    two = {"uri": "s3://models/fraud", "oci": {"image": "registry.example/m"}}
    yield "AIModel", "spec.model.source", two, "give exactly one source"
    yield "InferencePool", "spec.variants.0.pricePerHour", 0.71, "must be of type string"
    for consent in ("allow", "Deny", ""):
        yield "InferencePool", "spec.allowedModels.code", consent, 'supported values: "Refuse", "Allow"'
    yield "InferencePool", "spec.allowedModels.code", True, "must be of type string"
    yield "AIModel", "spec.serving.env", [{"name": "OMP_X", "value": "1"}] * 2, "Duplicate value"
    yield "InferencePool", "spec.variants", [{"name": "l4"}] * 2, "Duplicate value"
    yield "InferencePool", "spec.variants", [], "should have at least 1 items"
    yield "AIModel", "spec.scaling.autoscaler", "none", 'supported values: "HorizontalPodAutoscaler", "None"'


def _wrong_shapes() -> Iterator[tuple[str, str, object, str]]:
    """Return kind, field, value, and what the message has to say, of what is absent, unknown, too long or too many."""
    for required in ("spec", "spec.model", "spec.model.source", "spec.poolRef", "spec.poolRef.name", "spec.scaling"):
        yield "AIModel", required, None, "Required value"
    yield "InferencePool", "spec.variants", None, "Required value"
    yield "AIModel", "spec.serving.env", [None], "must be of type object"
    for unknown in (
        "nope",
        "spec.nope",
        "spec.serving.serviceAccountName",
        "spec.serving.template",
        "spec.model.source.url",
    ):
        yield "AIModel", unknown, "x", f'unknown field "{unknown}"'
    yield "AIModel", "metadata.name", "n" * 254, "no more than 253 characters"
    yield "AIModel", "metadata.name", "Fraud", "lowercase RFC 1123 subdomain"
    yield "AIModel", "spec.poolRef.name", "n" * 254, "Too long"
    yield "AIModel", "spec.model.name", "n" * 64, "Too long"
    for field in (URI, TARGET, "spec.poolRef.name", "spec.serving.image", "spec.serving.priorityClassName"):
        yield "AIModel", field, "s3://b/" + "k" * MEGABYTE, "Too long"
    many = [{"name": f"OMP_{number}", "value": "1"} for number in range(10_000)]
    yield "AIModel", "spec.serving.env", many, "Too many: 10000: must have at most 32 items"
    yield "AIModel", "spec.serving.labels", {f"l{number}": "x" for number in range(10_000)}, "at most 16 items"
    yield "AIModel", "spec.serving.allowedClients", [{}] * 10_000, "must have at most 32 items"
    yield "AIModel", "spec.serving.tolerations", [{"operator": "Exists"}] * 10_000, "must have at most 16 items"
    yield "InferencePool", "spec.variants", [{"name": f"v{number}"} for number in range(10_000)], "at most 16 items"


@pytest.mark.parametrize(
    ("kind", "field", "value", "words"),
    [*_wrong_values(), *_wrong_shapes()],
    ids=lambda value: ascii(value)[:40],
)
def test_bad_input_is_refused_in_words(api: Api, kind: str, field: str, value: object, words: str) -> None:
    """The server's message names the field, and is short enough to read, however much was sent."""
    said = refusal(api, changed(kind, field, value))

    assert words in said
    assert field.removeprefix("metadata.").rpartition(".")[2] in said
    assert len(said) < READABLE


@pytest.mark.parametrize("uri", JUDGED_LATER, ids=ascii)
def test_an_address_inside_the_cluster_is_refused_by_the_operator(api: Api, uri: str) -> None:
    """The server takes it, since the administrator may allow it; `model_uri` refuses it where nobody has."""
    try_to_create(api, changed("AIModel", URI, uri))

    with pytest.raises(ValueError, match=r"not public|not a name of the public internet"):
        parse_model_uri(uri)


@pytest.mark.parametrize("name", ["n" * 253, "fraud.v2.eu", "0", "127.0.0.1"])
def test_a_name_that_kubernetes_allows_is_taken(api: Api, name: str) -> None:
    """Names have up to 253 characters and dots; what becomes of them is the children's business."""
    assert try_to_create(api, changed("AIModel", "metadata.name", name))["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("field", "with_null", "without"),
    [
        ("spec.serving", None, {}),
        ("spec.serving", {"env": None, "image": None, "startup": None, "resources": {"requests": None}}, {}),
        ("spec.serving.labels", {"team": None}, {}),
        ("spec.serving.resources.requests", {"cpu": None}, {}),
        ("spec.scaling", {"minReplicas": None, "maxReplicas": 12}, {"maxReplicas": 12}),
    ],
    ids=str,
)
def test_a_null_is_an_absent_field(api: Api, field: str, with_null: object, without: object) -> None:
    """The server drops it, and fills in the default where there is one."""
    made = try_to_create(api, changed("AIModel", field, with_null))

    assert made["spec"] == try_to_create(api, changed("AIModel", field, without))["spec"]


def _condition(**about: object) -> Manifest:
    plain = {"type": "Ready", "status": "True", "reason": "Serving", "message": ""}
    return {**plain, "lastTransitionTime": "2026-11-01T00:00:00Z", **about}


HOSTILE_STATUS: tuple[tuple[Manifest, str], ...] = (
    ({"conditions": "x"}, "must be of type array"),
    ({"conditions": [_condition(type=f"T{number}") for number in range(33)]}, "must have at most 32 items"),
    ({"conditions": [_condition(), _condition()]}, "Duplicate value"),
    ({"conditions": [_condition(status="Perhaps")]}, 'supported values: "True", "False", "Unknown"'),
    ({"conditions": [_condition(reason="two words")]}, "reason in body should match"),
    ({"conditions": [_condition(reason="A" * 65)]}, "Too long"),
    ({"conditions": [_condition(lastTransitionTime="tomorrow")]}, "must be of type date-time"),
    ({"conditions": [_condition(lastTransitionTime="2026-13-45T99:00:00Z")]}, "must be of type date-time"),
    ({"conditions": [_condition(message="m" * 40_000)]}, "Too long"),
    ({"replicas": -1}, "greater than or equal to 0"),
    ({"replicas": "3"}, "must be of type integer"),
    ({"cost": {"hourly": "NaN", "currency": "USD"}}, "cost.hourly in body should match"),
    ({"url": "u" * MEGABYTE}, "Too long"),
    ({"decision": {}}, "Required value"),
    ({"nope": 1}, 'unknown field "status.nope"'),
)


def _write_status(api: Api, namespace: str, status: object) -> Manifest:
    path = api.path("trimtab.io/v1alpha1/AIModel", namespace, "fraud")
    change = {"status": status}
    made: Manifest = api.request(
        "PATCH", f"{path}/status?fieldValidation=Strict", change, "application/merge-patch+json"
    )
    return made


def test_a_status_that_could_mislead_a_reader_is_refused(api: Api, namespace: str) -> None:
    """Whoever may write a status can write only what the schema says."""
    api.create(changed("AIModel", "metadata.namespace", namespace))

    for status, words in HOSTILE_STATUS:
        with pytest.raises(ApiError) as refused:
            _write_status(api, namespace, status)
        assert words in str(refused.value)


def test_a_lie_in_a_status_changes_nothing_else(api: Api, namespace: str) -> None:
    """Neither the spec nor its generation can be changed through the status subresource, nor a status by creation."""
    manifest = changed("AIModel", "metadata.namespace", namespace)
    made = api.create(manifest | {"status": {"replicas": 9}})

    lied = _write_status(api, namespace, {"conditions": [_condition(message="\x1b[2J\x00 <b>")], "replicas": 2**31 - 1})

    assert "status" not in made
    assert (lied["spec"], lied["metadata"]["generation"]) == (made["spec"], 1)
