"""`trimtab explain`: the last decision in plain words and as JSON, and what it says when there is none."""

import asyncio
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from fakes.httpserver import serve, write_kubeconfig
from fakes.measured import LOST, measured, sample
from fakes.profiles import PROFILE
from fakes.schedules import BERLIN, scheduled, window
from fakes.snapshots import CPU, SERVICE_OF_MODEL, deployment, model_spec, pod, pool_found, snapshot, status_of
from trimtab.api.kinds import AIMODEL, Manifest
from trimtab.api.wire import dump
from trimtab.app.__main__ import cli
from trimtab.app.explain import ExplainError, as_json, as_text, explained
from trimtab.core.scaling.memory import ScalingMemory, with_profile
from trimtab.core.scaling.observation import LatencyDistribution, LatencyPoint
from trimtab.core.snapshot import Profiling
from trimtab.units import Seconds

LATENCY = LatencyDistribution(
    points=(
        LatencyPoint(quantile=0.5, latency=Seconds(0.02)),
        LatencyPoint(quantile=0.99, latency=Seconds(0.12)),
        LatencyPoint(quantile=0.999, latency=Seconds(0.2)),
    ),
    requests=1e4,
    source="PodSummaries",
    resolution=Seconds(0.0),
)
QUEUEING = replace(
    sample(735.0), latency=LATENCY, batch_size=1.0, batch_time=Seconds(0.01), queue_time=Seconds(0.03), busiest=1.1
)
SERVING = measured(
    snapshot(deployment(asked=2), SERVICE_OF_MODEL, spec=model_spec(most=9, budget="3.00"), pods=[pod(ready=True)]),
    QUEUEING,
)


def manifest(status: object, generation: int = 3) -> Manifest:
    """Return an AIModel with a status."""
    return {"metadata": {"namespace": "payments", "name": "fraud", "generation": generation}, "status": status}


BUSY = manifest(dump(status_of(SERVING)))


def words(text: str) -> str:
    """Return a text without its line ends and indentation."""
    return " ".join(text.split())


def test_a_decision_is_explained_in_plain_words() -> None:
    """What bound it, with its numbers; how fast the model is; what one more would bring; what each policy wanted."""
    text = as_text(explained(BUSY))

    assert text.startswith("payments/fraud: bound by Budget\n  3 replicas: budget.hourly 3.00 pays for 3 at 0.80 each;")
    said = words(text)
    assert "Replicas 5 wanted, 3 decided, 2 ready on l4" in said
    assert "Latency P99 120ms, give or take 1ms, target 80ms; 74.5 % of requests within it (PodSummaries)" in said
    assert "Cost 1.60 USD per hour" in said
    assert "One more for 0.80 USD per hour: " in said
    assert "% of requests are expected within the target, instead of 0.0 %" in said
    assert "Hint allow batching (serving.triton.maxBatchSize) before buying accelerators" in said
    assert "MeetObjective 5 735.0 requests/s expected in 67 s" in said
    assert "AdviseOnly 3 scaling.mode is Active" in said
    assert "ObjectivesMet (Missed): P99 is 120ms, give or take 1ms, above 80ms" in said
    assert "MetricsFresh" not in said.partition("not as it should be")[2]
    assert "The spec has changed" not in said


def test_a_curve_that_comes_from_a_profile_is_said_to() -> None:
    """Until traffic has told more; and the numbers that were measured."""
    wish = Profiling(key=PROFILE.key, job="fraud-profile-0")
    seen = replace(SERVING, profiling=wish, memory=with_profile(ScalingMemory(), PROFILE))
    one = replace(PROFILE, batches=PROFILE.batches[:1])
    overruled = replace(seen, memory=replace(with_profile(ScalingMemory(), one), variant="another"))

    said, later = (words(as_text(explained(manifest(dump(status_of(each)))))) for each in (seen, overruled))

    assert "Curve the capacity curve comes from a profile, until traffic tells more." in said
    assert "On l4 (nvidia.com/gpu) a batch of 1 takes 3.1 ms, one of 8 takes 10.2 ms there" in said
    assert "traffic has told more of the capacity curve than the profile by now" in later
    assert "a batch of 1 takes 3.1 ms there" in later
    assert json.loads(as_json(explained(manifest(dump(status_of(seen))))))["profile"]["evidence"] == "Profile"
    assert "Curve" not in as_text(explained(BUSY))


def test_the_text_fits_a_terminal() -> None:
    """At most 120 columns, with nothing at a line's end."""
    lines = as_text(explained(BUSY)).splitlines()

    assert max(map(len, lines)) <= 120
    assert lines == [line.rstrip() for line in lines]


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    """No demand, no price, no latency: neither zero nor left out."""
    blind = measured(snapshot(deployment("cpu", asked=2), pool=pool_found("cpu", CPU)), LOST)

    said = words(as_text(explained(manifest(dump(status_of(blind))))))

    assert said.startswith("payments/fraud: bound by MetricsLost")
    assert "Replicas demand unknown, 2 decided, 2 ready on cpu" in said
    assert "Cost unknown" in said
    assert "Latency" not in said
    assert "MetricsFresh (Unreachable): Prometheus does not answer" in said


def test_a_price_is_told_with_whose_it_is_and_windows_with_when_they_open() -> None:
    """Without being taken for a trouble."""
    spec = scheduled(window(timeZone=BERLIN))
    found = snapshot(deployment(asked=2), SERVICE_OF_MODEL, spec=spec, pods=[pod(ready=True)])

    said = words(as_text(explained(manifest(dump(status_of(found))))))

    assert said.startswith("payments/fraud: bound by Schedule 4 replicas: schedule office, open until 2026-11-24 18:00")
    assert "Price a replica on l4 costs 0.80 USD per hour, as InferencePool payments/gpus says" in said
    assert "Windows office opens next at 2026-11-25 08:00 Europe/Berlin" in said
    assert "FollowSchedule 4 schedule office, open until" in said
    assert "PricesKnown" not in said.partition("not as it should be")[2]


def test_an_unknown_price_of_one_more_is_said() -> None:
    """It is not free."""
    status = deepcopy(BUSY["status"])
    del status["decision"]["nextReplica"]["hourly"]

    assert "One more at an unknown price: " in words(as_text(explained(manifest(status))))


def test_a_spec_that_is_ahead_of_the_decision_is_told() -> None:
    """What is explained is not what was just applied."""
    assert "The spec has changed since (generation 4)" in as_text(explained(BUSY | manifest(BUSY["status"], 4)))


def test_a_decision_of_an_older_operator_has_less_to_say() -> None:
    """Without a trail, a variant or conditions."""
    old = {"decision": {"desiredReplicas": 2, "boundBy": "Held", "message": "2 replicas: nothing is measured"}}

    text = as_text(explained(manifest(old)))

    assert words(text) == (
        "payments/fraud: bound by Held 2 replicas: nothing is measured The spec has changed since (generation 3): "
        "look again in a few seconds. Replicas demand unknown, 2 decided, 0 ready Cost unknown"
    )


def test_json_has_the_names_of_the_status() -> None:
    """So that what reads one reads the other."""
    told = json.loads(as_json(explained(BUSY)))

    assert (told["namespace"], told["name"], told["generation"]) == ("payments", "fraud", 3)
    for field in ("decision", "latency", "cost", "conditions", "readyReplicas"):
        assert told[field] == BUSY["status"][field]


def test_control_characters_do_not_reach_the_terminal() -> None:
    """Anybody with the right may have written the status."""
    status = deepcopy(BUSY["status"])
    status["decision"]["message"] = status["decision"]["hint"] = "\x1b[31mred\x07"
    status["decision"]["boundBy"] = status["decision"]["trail"][0]["policy"] = "\x1b[2J"

    assert as_text(explained(manifest(status))).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (None, "has no status yet: the operator has not looked at it. See whether it runs"),
        ({}, "has no status yet"),
        ({"replicas": 1}, "nothing was decided for AIModel payments/fraud: the operator has not decided yet"),
        (
            {"conditions": [{
                "type": "Ready", "status": "False", "lastTransitionTime": "2026-11-24T10:00:00Z",
                "reason": "PoolNotFound", "message": "InferencePool a/b is not there: create it",
            }]},
            "nothing was decided for AIModel payments/fraud: PoolNotFound: InferencePool a/b is not there: create it",
        ),
        ({"decision": {"desiredReplicas": -1}}, "cannot be read: status.decision.desiredReplicas: Input should be"),
        ({"conditions": 7}, "cannot be read: status.conditions: "),
    ],
)  # fmt: skip
def test_where_nothing_was_decided_it_says_why_and_what_next(status: object, said: str) -> None:
    """Not yet looked at, not decided, or written by another version."""
    with pytest.raises(ExplainError, match="AIModel payments/fraud") as error:
        explained(manifest(status))

    assert said in str(error.value)


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `trimtab explain` against a server with the one model payments/fraud."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == AIMODEL.path("payments", "fraud"):
            return web.json_response(BUSY)
        return web.json_response({"kind": "Status", "message": "not found"}, status=404)

    def invoke(*arguments: str) -> Result:
        async def scene() -> Result:
            async with serve(answer) as url:
                monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, url)))
                said: Result = await asyncio.to_thread(CliRunner().invoke, cli, ["explain", *arguments])
                return said

        return asyncio.run(scene())

    return invoke


def test_the_command_reads_with_the_users_own_rights_and_prints(run: Run) -> None:
    """Text, or JSON when asked for."""
    text, as_object = run("fraud", "-n", "payments"), run("fraud", "-n", "payments", "-o", "json")

    assert (text.exit_code, as_object.exit_code) == (0, 0), text.output + as_object.output
    assert text.output == as_text(explained(BUSY)) + "\n"
    assert json.loads(as_object.output)["decision"] == BUSY["status"]["decision"]


def test_a_model_that_is_not_there_is_told_with_what_next(run: Run) -> None:
    """In the namespace of the context, if none is said."""
    said = run("fraud")

    assert said.exit_code == 1
    assert said.output == (
        "trimtab: there is no AIModel fraud in namespace default: `kubectl get aim --all-namespaces` lists them\n"
    )


def test_a_way_to_print_that_is_not_known_is_refused(run: Run) -> None:
    """With those that are."""
    said = run("fraud", "-o", "yaml")

    assert said.exit_code == 2
    assert "'text', 'json'" in said.output
