"""`trimtab simulate`: figures for each policy, and errors that say what, where and what next, with exit code 2."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fakes.httpserver import serve
from fakes.prometheus import FakePrometheus, Model
from trimtab.app.__main__ import cli
from trimtab.app.traffic import Source, traffic
from trimtab.simulate.setting import Service, Setting
from trimtab.units import Seconds

CLI = CliRunner()
MANIFEST = """
apiVersion: trimtab.io/v1alpha1
kind: AIModel
metadata: {name: fraud}
spec:
  poolRef: {name: gpu}
  model: {source: {uri: s3://models/fraud/7}}
  serving: {triton: {maxBatchSize: 1}}
  objectives: {latency: {target: 1200ms}}
  scaling: {minReplicas: 1, maxReplicas: 12}
---
apiVersion: trimtab.io/v1alpha1
kind: InferencePool
metadata: {name: gpu}
spec:
  variants:
  - {name: l4, resourceName: nvidia.com/gpu, pricePerHour: "0.80"}
"""
SETTING = Setting(service=Service(base=Seconds(0.2)), target=Seconds(1.2))
FAST = ("--service", "200ms", "--world", "fluid", "--processes", "1")
ALONE = (*FAST, "--rivals", "none", "--no-oracles")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a file with a model and its pool."""
    path = tmp_path / "fraud.yaml"
    path.write_text(MANIFEST)
    return path


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return a file with ten minutes of traffic, a step in the middle."""
    path = tmp_path / "step.csv"
    rows = "".join(f"{second},{10 if second < 300 else 20}\n" for second in range(600))
    path.write_text(f"t_s,requests\n{rows}")
    return path


def simulate(*arguments: object) -> Result:
    """Run the command."""
    return CLI.invoke(cli, ["simulate", *map(str, arguments)])


def test_the_same_figures_for_ours_the_rivals_and_the_oracles(manifest: Path, trace: Path) -> None:
    """What issue 5 asks for: attainment, gpu_hours, cost, violations, replica_changes, as JSON."""
    said = simulate("-f", manifest, "--trace", trace, "--rivals", "keda,knative-kpa", "--json", *FAST)
    told = json.loads(said.stdout)
    rows = [*told["policies"], *told["oracles"]]

    assert said.exit_code == 0
    assert [each["name"] for each in rows[:3]] == ["trimtab", "keda", "knative-kpa"]
    assert {each["kind"] for each in told["oracles"]} == {"oracle"}
    for each in rows:
        assert 0.0 <= each["attainment"] <= 1.0
        assert each["cost"] == pytest.approx(0.8 * each["gpu_hours"], abs=1e-3)
        assert each["violations"] == pytest.approx((1 - each["attainment"]) * told["traffic"]["requests"], abs=0.1)
        assert each["replica_changes"] >= 0


def test_a_table_a_picture_and_a_page(manifest: Path, trace: Path, tmp_path: Path) -> None:
    """Without --json people read it; the files are written beside it."""
    picture, page = tmp_path / "a.png", tmp_path / "a.html"
    said = simulate(
        "-f", manifest, "--trace", trace, *ALONE, "--picture", picture, "--page", page
    )  # fmt: skip

    assert said.exit_code == 0
    assert "trimtab " in said.stdout
    assert "clairvoyant bound" not in said.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in page.read_text()


def test_an_edited_spec_stands_beside_the_present_one(manifest: Path, trace: Path) -> None:
    """With at most two replicas 20 requests/s cannot be served, and it costs less."""
    said = simulate(
        "-f", manifest, "--trace", trace, "--json", *ALONE, "--what-if", "scaling.maxReplicas=2"
    )  # fmt: skip
    now, then = json.loads(said.stdout)["policies"]

    assert (now["kind"], then["kind"]) == ("trimtab", "what-if")
    assert then["attainment"] < now["attainment"]
    assert then["gpu_hours"] < now["gpu_hours"]


def test_generated_traffic_and_seeds(manifest: Path) -> None:
    """Each seed has traffic of its own, and figures come with their intervals."""
    said = simulate("-f", manifest, "--family", "step", "--seeds", "2", "--json", *ALONE)
    told = json.loads(said.stdout)

    assert told["setting"]["seeds"] == 2
    assert told["policies"][0]["gpu_hours_95"] is not None
    assert "generated" in told["traffic"]["source"]


def test_a_guess_is_said_to_be_one(manifest: Path, trace: Path) -> None:
    """No spec says how long a batch takes."""
    said = simulate("-f", manifest, "--trace", trace, "--json", "--world", "fluid", "--rivals", "none", "--no-oracles")

    assert any("guess" in note for note in json.loads(said.stdout)["notes"])


async def test_the_models_own_past_is_replayed(manifest: Path) -> None:
    """Requests are rates times seconds; what nobody knows is filled in, and said."""
    prometheus = FakePrometheus([Model("default", "fraud", history=lambda at: 10.0 if at % 300 else None)])
    async with serve(prometheus.answer) as url:
        said = await asyncio.to_thread(
            simulate, "-f", manifest, "--prometheus", url, "--since", "15m", "--json", *ALONE
        )
    told = json.loads(said.stdout)

    assert told["traffic"]["seconds"] == pytest.approx(900, abs=10)
    assert told["traffic"]["requests"] == pytest.approx(10.0 * 675, rel=0.02)
    assert any("was not known" in note for note in told["notes"])


async def test_a_long_past_is_asked_for_in_parts() -> None:
    """Fifteen hours are more steps than Prometheus gives at once; none is asked for twice, and none is missing."""
    prometheus = FakePrometheus([Model("default", "fraud", history=lambda at: 6.0 if at % 7_200 < 3_600 else 14.0)])
    async with serve(prometheus.answer) as url:
        source = Source(prometheus=url, since="15h")
        found = await asyncio.to_thread(traffic, source, "default/fraud", SETTING, 1)

    assert len(prometheus.asked) == 2
    assert len(found.traces[0].counts) == pytest.approx(54_000, abs=10)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--trace", "missing.csv"), "missing.csv"),
        ((), "--trace FILE, --family NAME or --prometheus URL"),
        (("--trace", "TRACE", "--family", "step"), "say once"),
        (("--family", "nosuch"), "there is no such family; there are "),
        (("--trace", "TRACE", "--rivals", "nosuch"), "there is no nosuch; there are static-peak"),
        (("--trace", "TRACE", "--rivals", ","), "--rivals ,"),
        (("--trace", "TRACE", "--world", "flat"), "write events or fluid"),
        (("--trace", "TRACE", "--cold-start", "soon"), "--cold-start"),
        (("--trace", "TRACE", "--service", "soon"), "--service"),
        (("--trace", "TRACE", "--service", "2s"), "no replica keeps that"),
        (("--trace", "TRACE", "--service", "2s", "--learned", "TRACE"), "give one of them"),
        (("--trace", "TRACE", "--learned", "TRACE"), "kubectl"),
        (("--trace", "TRACE", "--learned", "missing.json"), "missing.json cannot be read"),
        (("--trace", "TRACE", "--scale", "0"), "--scale 0"),
        (("--trace", "TRACE", "--scale", "nan"), "--scale nan"),
        (("--trace", "TRACE", "--model", "other"), "name one of fraud"),
        (("--trace", "TRACE", "--what-if", "scaling.maxReplicas"), "key=value"),
        (("--trace", "TRACE", "--what-if", "scaling.most=3"), "spec.scaling.most"),
        (("--trace", "TRACE", "--what-if", "scaling.minReplicas=20"), "exceeds scaling.maxReplicas"),
        (("--trace", "TRACE", "--picture", "/nowhere/a.png"), "there is no folder"),
        (("--trace", "TRACE", "--seeds", "0"), "--seeds"),
        (("--prometheus", "ftp://nowhere"), "--prometheus"),
        (("--prometheus", "http://127.0.0.1:9", "--since", "15d"), "more than 14 days"),
        (("--prometheus", "http://127.0.0.1:9", "--since", "soon"), "--since"),
        (("--prometheus", "http://127.0.0.1:9"), "Prometheus at http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_used_is_said_without_a_traceback(
    manifest: Path, trace: Path, arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2, the option or the file, and what to do; nothing on standard output."""
    given = (str(trace) if each == "TRACE" else each for each in arguments)
    said = simulate("-f", manifest, *given)

    assert said.exit_code == 2
    assert message in " ".join(said.stderr.split())
    assert said.stdout == ""
    assert isinstance(said.exception, SystemExit)


def test_a_file_without_a_model_is_refused(tmp_path: Path, trace: Path) -> None:
    """And so is one with several, unless one is named."""
    empty, two = tmp_path / "empty.yaml", tmp_path / "two.yaml"
    empty.write_text("kind: ConfigMap")
    two.write_text(MANIFEST + MANIFEST.replace("fraud", "churn", 1).replace("---", "---", 1))
    none, several = simulate("-f", empty, "--trace", trace), simulate("-f", two, "--trace", trace)

    assert (none.exit_code, several.exit_code) == (2, 2)
    assert "there is no AIModel" in none.stderr
    assert "--model NAME" in several.stderr


def test_missing_packages_are_named_with_the_command_that_installs_them(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's image has none of them."""
    monkeypatch.setattr("trimtab.app.simulate.find_spec", lambda _: None)
    said = simulate("-f", manifest, "--family", "step", "--picture", "a.png")

    assert said.exit_code == 2
    assert "numpy and rich and matplotlib" in said.stderr
    assert "pip install 'trimtab[simulate]'" in said.stderr
