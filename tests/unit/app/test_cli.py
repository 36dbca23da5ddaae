"""The command line: what it prints, and what it says when something is wrong."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import trimtab
from trimtab.app.__main__ import cli
from trimtab.app.kopf_shell import EndlessBackoff

CLI = CliRunner()


def test_the_version_is_that_of_the_package() -> None:
    """`trimtab --version` is what a bug report starts with."""
    said = CLI.invoke(cli, ["--version"])

    assert said.output == f"trimtab {trimtab.__version__}\n"
    assert said.exit_code == 0


def test_crds_are_written_checked_and_mended(tmp_path: Path) -> None:
    """`--check` fails until they are written, and again when somebody edits one."""
    folder = ["--folder", str(tmp_path / "crds")]
    missing = CLI.invoke(cli, ["crds", "--check", *folder])
    written = CLI.invoke(cli, ["crds", *folder])
    good = CLI.invoke(cli, ["crds", "--check", *folder])
    edited = next((tmp_path / "crds").glob("*aimodels*"))
    edited.write_text("kind: Other\n")
    stale = CLI.invoke(cli, ["crds", "--check", *folder])
    mended = CLI.invoke(cli, ["crds", *folder])

    assert (missing.exit_code, written.exit_code, good.exit_code, stale.exit_code) == (1, 0, 0, 1)
    assert "make crds" in missing.output
    assert edited.name in stale.output
    assert mended.output.count("wrote") == 1
    assert yaml.safe_load(edited.read_text())["kind"] == "CustomResourceDefinition"


def test_render_prints_what_can_be_applied(tmp_path: Path) -> None:
    """The README's manifest in, Kubernetes objects out."""
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    blocks = [block.partition("```")[0] for block in readme.split("```yaml\n")[1:]]
    file = tmp_path / "model.yaml"
    file.write_text("\n---\n".join(blocks))

    said = CLI.invoke(cli, ["render", "-f", str(file)])

    assert said.exit_code == 0, said.output
    kinds = [document["kind"] for document in yaml.safe_load_all(said.output)]
    assert {"Deployment", "Service", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"} <= set(kinds)


def test_render_says_what_is_wrong_with_which_file(tmp_path: Path) -> None:
    """One line on standard error, exit status 1, no traceback."""
    said = CLI.invoke(cli, ["render", "-f", str(tmp_path / "missing.yaml")])

    assert said.exit_code == 1
    assert "missing.yaml cannot be read" in said.output
    assert "Traceback" not in said.output


def test_run_refuses_settings_that_it_cannot_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is connected to."""
    monkeypatch.delenv("TRIMTAB_TRITON_IMAGE", raising=False)
    said = CLI.invoke(cli, ["run"])

    assert said.exit_code == 2
    assert "TRIMTAB_TRITON_IMAGE is not set" in said.output


def test_kopf_never_runs_out_of_patience() -> None:
    """Its delays grow to half a minute and go on for ever; each request starts afresh."""
    backoff = EndlessBackoff()
    delays = [delay for delay, _ in zip(backoff, range(200), strict=False)]

    assert delays[0] <= 1.0
    assert 15.0 <= delays[-1] <= 30.0
    assert next(iter(backoff)) <= 1.0
