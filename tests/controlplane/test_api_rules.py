"""Every CEL rule of both kinds takes what it should, and refuses the rest in words that a person understands."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from api_examples import SchemaRule, all_rules, changed, refusal, try_to_create
from controlplane import Api
from controlplane.api import ApiError
from trimtab.api.aimodel import parse_spec
from trimtab.api.inferencepool import parse_pool_spec
from trimtab.api.kinds import Manifest
from trimtab.api.wire import dump

LONG_DOMAIN = ".".join(["d" * 49] * 5)  # 249 characters
DIGEST = "sha256:" + "0123456789abcdef" * 4
PATH_WORDS = "must be a relative path"
NAME_WORDS = "must be lower-case letters"
KEY_WORDS = "each key must be a label's key"
VALUE_WORDS = "must be a label's value"
DURATION_WORDS = "must be a whole number with ms, s, m or h"
AMOUNT_WORDS = "must be digits, perhaps a fraction"
SOURCE = "spec.model.source"
RESOURCES = "spec.serving.resources"
BATCHING = "spec.serving.triton"
CLIENTS = "spec.serving.allowedClients"
SELECTOR = "spec.allowedModels.namespaces"
SCHEDULES = "spec.scaling.schedules"
WINDOW = {"name": "office", "start": "0 8 * * MON-FRI", "duration": "10h", "minReplicas": 2}


@dataclass(frozen=True)
class Example:
    """What one rule takes and refuses.

    `field` is set to `good` or `bad`; the rule's message begins with `says`; it stands at `at`, else at the field.
    """

    kind: str
    field: str
    good: object
    bad: object
    says: str
    at: str = ""

    @property
    def rule(self) -> SchemaRule:
        """The rule that this is about."""
        return rule_at(self.kind, self.at or self.field, self.says)

    def __str__(self) -> str:
        return f"{self.kind}.{self.at or self.field}: {self.says[:30]}"


@dataclass(frozen=True)
class Transition:
    """What a rule about updates takes and refuses, beginning from `first`; None means that the field is absent."""

    kind: str
    field: str
    first: str | None
    allowed: tuple[str | None, ...]
    refused: tuple[str | None, ...]

    @property
    def rule(self) -> SchemaRule:
        """The rule that this is about: it stands at the field, or at its parent if the field may be absent."""
        (rule,) = (
            rule
            for rule in all_rules()
            if f"{self.kind}.{self.field}".startswith(rule.at) and "cannot change" in rule.message
        )
        return rule

    def __str__(self) -> str:
        return f"{self.kind}.{self.field} from {self.first}"


def rule_at(kind: str, at: str, beginning: str) -> SchemaRule:
    """Return the one rule that stands somewhere and begins with some words."""
    (rule,) = (rule for rule in all_rules() if rule.at == f"{kind}.{at}" and rule.message.startswith(beginning))
    return rule


_model = partial(Example, "AIModel")
_pool = partial(Example, "InferencePool")


def _tolerations(kind: str, field: str, at: str) -> tuple[Example, ...]:
    example = partial(Example, kind, field)
    named = {"key": "nvidia.com/gpu"}
    exists, brief = named | {"operator": "Exists"}, named | {"tolerationSeconds": 60}
    return (
        example([exists], [exists | {"value": "present"}], "a toleration with operator Exists takes no value", at),
        example([{"operator": "Exists"}], [{"operator": "Equal"}], "a toleration without key accepts every taint", at),
        example([brief | {"effect": "NoExecute"}], [brief], "tolerationSeconds has a meaning for effect NoExecute", at),
        example([{"key": "a.b/c"}], [{"key": "a b"}], "must be a label's key", f"{at}.key"),
        example([named | {"value": ""}], [named | {"value": "-"}], VALUE_WORDS, f"{at}.value"),
    )


def _labels(kind: str, field: str, at: str, wrap: Callable[[dict[str, str]], object] = dict) -> tuple[Example, ...]:
    """Return the examples of a map of labels; `wrap` makes of a map what is set at `field`."""
    example = partial(Example, kind, field)
    longest = f"{LONG_DOMAIN}.{'e' * 3}"
    return (
        example(wrap({f"{longest}/a_B.c-9": "x"}), wrap({f"{longest}e/a": "x"}), KEY_WORDS, at),
        example(wrap({"a": ""}), wrap({"a": "{{ .Values }}"}), VALUE_WORDS, f"{at}.*"),
    )


def _windows(field: str, good: object, bad: object, says: str) -> Example:
    """Return the example of one field of a schedule."""
    return _model(SCHEDULES, [WINDOW | {field: good}], [WINDOW | {field: bad}], says, f"{SCHEDULES}[].{field}")


EXAMPLES: tuple[Example, ...] = (
    _model("spec.poolRef.name", "gpu-main.v2", "gpu_main", NAME_WORDS),
    _model("spec.poolRef.namespace", "platform", "plat.form", NAME_WORDS),
    _model("spec.model.name", "fraud_v2-B", "fraud.v2", "must be letters, digits, dashes and underscores"),
    _model(SOURCE, {"oci": {"image": "registry.example/m:1"}}, {}, "give exactly one source"),
    _model(f"{SOURCE}.uri", "hf://meta/llama@main/onnx", "file:///etc/passwd", "must begin with s3://"),
    _model(f"{SOURCE}.uri", "gs://bucket/a..b/.c", "gs://bucket/a/../b", "must have no . or .. in its path"),
    _model(f"{SOURCE}.uri", "https://host.example/m?sig=%2F", "https://host.example/%2e%2e/m", "must not be percent"),
    _model(f"{SOURCE}.uri", "hf://meta/llama@v1", "https://me:secret@host.example/m", "must hold no name or password"),
    _model(f"{SOURCE}.uri", "https://host.example/m?a=b", "s3://bucket/m?versionId=3", "may have a ? with https://"),
    _model(
        SOURCE, {"oci": {"image": f"registry.example:5000/a/b-c:v1@{DIGEST}"}},
        {"oci": {"image": "registry.example/Fraud"}}, "must be an image", f"{SOURCE}.oci.image",
    ),
    _model(
        SOURCE, {"oci": {"image": "a/b", "path": "models/v1.2"}}, {"oci": {"image": "a/b", "path": "../etc"}},
        PATH_WORDS, f"{SOURCE}.oci.path",
    ),
    _model(
        SOURCE, {"persistentVolumeClaim": {"claimName": "models.v1"}},
        {"persistentVolumeClaim": {"claimName": "Models"}}, NAME_WORDS, f"{SOURCE}.persistentVolumeClaim.claimName",
    ),
    _model(
        SOURCE, {"persistentVolumeClaim": {"claimName": "m", "path": "_a/b=1/c+d"}},
        {"persistentVolumeClaim": {"claimName": "m", "path": "/etc"}}, PATH_WORDS,
        f"{SOURCE}.persistentVolumeClaim.path",
    ),
    _model("spec.model.digest", DIGEST, DIGEST.upper(), "must be sha256: and 64"),
    _model("spec.model.credentialsSecretRef.name", "s3-reader", "s3 reader", NAME_WORDS),
    _model("spec.serving.variant", "a100-80gb", "A100", NAME_WORDS),
    _model("spec.serving.image", "registry.example/triton:25.10-py3", "registry.example/tri ton", "must be an image"),
    _model(
        RESOURCES, {"requests": {"cpu": "1500m"}, "limits": {"cpu": 2}},
        {"requests": {"cpu": 3}, "limits": {"cpu": "2"}}, "requests.cpu must not exceed limits.cpu",
    ),
    _model(
        RESOURCES, {"requests": {"memory": "1Gi"}}, {"requests": {"memory": "8Gi"}},
        "requests.memory must not exceed limits.memory",
    ),
    _model(
        RESOURCES, {"requests": {"ephemeral-storage": "1G"}, "limits": {"ephemeral-storage": "1Gi"}},
        {"requests": {"ephemeral-storage": "1Gi"}, "limits": {"ephemeral-storage": "1G"}},
        "requests.ephemeral-storage must not exceed limits.ephemeral-storage",
    ),
    _model(f"{RESOURCES}.requests.cpu", "0.5", "1025", AMOUNT_WORDS),
    _model(f"{RESOURCES}.requests.memory", 1_048_576, 1_048_575, AMOUNT_WORDS),
    _model(f"{RESOURCES}.requests.ephemeral-storage", "64Ti", "64.001Ti", AMOUNT_WORDS),
    _model(f"{RESOURCES}.limits.cpu", "1024", "1e3", AMOUNT_WORDS),
    _model(f"{RESOURCES}.limits.memory", "64Ti", "1P", AMOUNT_WORDS),
    _model(f"{RESOURCES}.limits.ephemeral-storage", "1Mi", "-1Gi", AMOUNT_WORDS),
    _model("spec.serving.sharedMemory", "1Gi", "2Ti", AMOUNT_WORDS),
    _model(
        BATCHING, {"maxBatchSize": 8, "dynamicBatching": {"preferredBatchSizes": [4, 8]}},
        {"maxBatchSize": 7, "dynamicBatching": {"preferredBatchSizes": [4, 8]}},
        "each of dynamicBatching.preferredBatchSizes must be at most triton.maxBatchSize",
    ),
    _model(f"{BATCHING}.dynamicBatching.maxQueueDelay", "10s", "11s", DURATION_WORDS),
    _model("spec.serving.startup.timeout", "360m", "9s", DURATION_WORDS),
    _model("spec.serving.drain.timeout", "3600s", "999ms", DURATION_WORDS),
    _model("spec.profile.timeLimit", "60m", "29s", DURATION_WORDS),
    _model(
        "spec.serving.env", [{"name": "OMP_NUM_THREADS", "value": "4"}],
        [{"name": "LD_PRELOAD", "value": "x"}], "must be in capitals and begin with one of", "spec.serving.env[].name",
    ),
    _model(
        "spec.serving.env", [{"name": "OMP_X", "value": "\"{$'ä 名"}], [{"name": "OMP_X", "value": "a\nb"}],
        "must hold no control characters", "spec.serving.env[].value",
    ),
    *_labels("AIModel", "spec.serving.labels", "spec.serving.labels"),
    _model("spec.serving.labels", {"example.io/model": "x"}, {"trimtab.io/model": "x"}, "keys under trimtab.io/"),
    *_labels("AIModel", "spec.serving.nodeSelector", "spec.serving.nodeSelector"),
    *_tolerations("AIModel", "spec.serving.tolerations", "spec.serving.tolerations[]"),
    _model(
        "spec.serving.imagePullSecrets", [{"name": "registry"}], [{"name": ""}], NAME_WORDS,
        "spec.serving.imagePullSecrets[].name",
    ),
    _model("spec.serving.priorityClassName", "important", "very important", NAME_WORDS),
    _model(CLIENTS, [{"namespace": "shop"}], [{"namespace": "*"}], NAME_WORDS, f"{CLIENTS}[].namespace"),
    *_labels("AIModel", CLIENTS, f"{CLIENTS}[].podLabels", lambda labels: [{"podLabels": labels}]),
    _model("spec.objectives.latency.target", "600s", "601s", DURATION_WORDS),
    _model("spec.budget.hourly", "14.000001", "0.00", "must be a decimal number above 0"),
    _model(
        "spec.scaling", {"minReplicas": 3, "maxReplicas": 3}, {"minReplicas": 4, "maxReplicas": 3},
        "scaling.minReplicas must not exceed scaling.maxReplicas",
    ),
    _model(
        "spec.scaling", {"maxReplicas": 3, "schedules": [WINDOW | {"minReplicas": 4, "maxReplicas": 5}]},
        {"maxReplicas": 3, "schedules": [WINDOW | {"minReplicas": 4}]}, "minReplicas of a schedule must not exceed",
    ),
    _model(
        SCHEDULES, [WINDOW | {"maxReplicas": 2}], [WINDOW | {"maxReplicas": 1}],
        "minReplicas must not exceed maxReplicas", f"{SCHEDULES}[]",
    ),
    _windows("name", "black-friday", "Black Friday", NAME_WORDS),
    _windows("start", "*/15 8-18/2 1,15,L jan-MAR Sun,2", "0 24 * * *", "must be five fields as in cron"),
    _windows("duration", "744h", "59s", DURATION_WORDS),
    _windows("timeZone", "America/Argentina/Buenos_Aires", "Local", "must be a name of the IANA time zone data base"),
    _pool("spec.metrics.sourceRef.name", "team-b", "team_b", NAME_WORDS),
    _pool("spec.currency", "EUR", "€", "must be three capital letters"),
    _pool(
        SELECTOR, {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}},
        {"from": "All", "selector": {"matchLabels": {"team": "a"}}}, "selector goes with from: Selector",
    ),
    *_labels(
        "InferencePool", SELECTOR, f"{SELECTOR}.selector.matchLabels",
        lambda labels: {"from": "Selector", "selector": {"matchLabels": labels}},
    ),
    _pool(
        "spec.variants",
        [{"name": "l4", "resourceName": "nvidia.com/mig-1g.10gb", "acceleratorsPerReplica": 2}],
        [{"name": "l4", "acceleratorsPerReplica": 2}], "acceleratorsPerReplica needs resourceName", "spec.variants[]",
    ),
    _pool("spec.variants.0.name", "l4-spot", "L4", NAME_WORDS, "spec.variants[].name"),
    _pool(
        "spec.variants.0.resourceName", "amd.com/gpu", "gpu", "must be domain/name",
        "spec.variants[].resourceName",
    ),
    _pool(
        "spec.variants.0.resourceName", "gpu.intel.com/i915", "requests.nvidia.com/gpu",
        "must be an extended resource", "spec.variants[].resourceName",
    ),
    *_labels("InferencePool", "spec.variants.0.nodeSelector", "spec.variants[].nodeSelector"),
    *_tolerations("InferencePool", "spec.variants.0.tolerations", "spec.variants[].tolerations[]"),
    _pool(
        "spec.variants.0.pricePerHour", "0.000001", "0.000000", "must be a decimal number above 0",
        "spec.variants[].pricePerHour",
    ),
)  # fmt: skip

TRANSITIONS = (
    Transition("AIModel", "spec.model.name", "fraud", ("fraud",), ("other", None)),
    Transition("AIModel", "spec.model.name", None, (None,), ("fraud",)),  # not even metadata.name, which it means
    Transition("InferencePool", "spec.currency", "USD", ("USD", None), ("EUR",)),
)


def test_every_rule_has_an_example() -> None:
    """A rule that is added without an example that it refuses fails here."""
    refused = {example.rule for example in EXAMPLES} | {transition.rule for transition in TRANSITIONS}

    assert set(all_rules()) - refused == set()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_rule_takes_what_it_should(api: Api, example: Example) -> None:
    """The server takes the good example, and fills in the very defaults that the models have."""
    sent = changed(example.kind, example.field, example.good)

    made = try_to_create(api, sent)

    assert read(made) == read(sent)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_rule_refuses_in_its_own_words(api: Api, example: Example) -> None:
    """The server refuses the bad example with the rule's message, and says nothing that a person could not read."""
    said = refusal(api, changed(example.kind, example.field, example.bad))

    assert example.rule.message in said
    assert "should match" not in said, "a regular expression is no explanation"
    assert "evaluating rule" not in said, "a rule failed instead of answering"


@pytest.mark.parametrize(
    "start", ["@daily", "0 8 * *", "60 8 * * *", "0 8 32 * *", "0 8 * * MON#1", "0 0 8 * * *", "0 8 * * *\n"]
)
def test_what_is_no_cron_expression_is_refused(api: Api, start: str) -> None:
    """No macro, no seconds, nothing out of range, nothing behind."""
    said = refusal(api, changed("AIModel", SCHEDULES, [WINDOW | {"start": start}]))

    assert "spec.scaling.schedules[0].start: " in said
    assert "must be five fields as in cron" in said


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe"])
def test_a_time_zone_that_there_is_not_is_refused_by_its_name(api: Api, zone: str) -> None:
    """The server asks its own data base, and says what it missed before the rule says what to write."""
    said = refusal(api, changed("AIModel", SCHEDULES, [WINDOW | {"timeZone": zone}]))

    assert "spec.scaling.schedules[0].timeZone: " in said
    assert "must be a name of the IANA time zone data base, such as UTC or Europe/Berlin" in said


@pytest.mark.parametrize("transition", TRANSITIONS, ids=str)
def test_what_cannot_change_is_refused_on_update(api: Api, namespace: str, transition: Transition) -> None:
    """An update may leave such a field as it is, or say its default; it can neither change, add nor remove it."""
    made = changed(transition.kind, transition.field, transition.first)
    made["metadata"]["namespace"] = namespace
    api.create(made)
    path = api.path(f"{made['apiVersion']}/{transition.kind}", namespace, made["metadata"]["name"])

    def update(value: str | None) -> None:
        change = {"spec": changed(transition.kind, transition.field, value)["spec"]}
        api.request("PATCH", f"{path}?dryRun=All", change, "application/merge-patch+json")

    for value in transition.allowed:
        update(value)
    for value in transition.refused:
        with pytest.raises(ApiError, match=transition.rule.message):
            update(value)


def read(manifest: Manifest) -> Manifest:
    """Return a spec as the operator reads it, written again."""
    return dump(parse_spec(manifest) if manifest["kind"] == "AIModel" else parse_pool_spec(manifest))
