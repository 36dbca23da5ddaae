"""Fixtures for tests in a real kind cluster.

`cluster`    (session) `e2e.Cluster`: three nodes, the operator installed from config/default, Prometheus;
             `.kubectl(...)`, `.api`, `.pods(...)`, `.logs(...)`. It is deleted afterwards, unless
             `--keep-cluster` is given.
`scene`      `e2e.Scene`: a fresh namespace that enforces the restricted Pod Security profile; deleted afterwards.
`shared_scene`  (module) the same for all tests of a file.

Where there is no engine the tests are skipped, and the summary says `e2e: NOT RUN: reason`. What there was when a test
failed is kept in build/e2e/kept.
"""

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Generator, Iterator
from dataclasses import astuple
from pathlib import Path

import pytest
from pytest_kind import KindCluster

from controlplane import until
from e2e import cluster as clusters, images as built, install, presence
from e2e.base import Say
from e2e.cluster import Cluster
from e2e.engine import ImagesError
from e2e.images import Images
from e2e.scene import Scene
from stories import NAMESPACE, make_namespace

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "e2e"
LONGEST_S = 1500  # of a test, and of all images and the cluster before the first
GONE_S = 120.0  # a pod that drains takes a minute
_numbers = itertools.count(1)
_not_run: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(LONGEST_S))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why nothing was run, in the words that CI looks for."""
    for reason in dict.fromkeys(_not_run):
        terminalreporter.write_line(f"e2e: NOT RUN: {reason}")


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Return what tells a person who waits how far it is."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    started = time.monotonic()

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"e2e {time.monotonic() - started:4.0f} s: {text}", flush=True)  # noqa: T201 - somebody waits

    return say


@pytest.fixture(scope="session")
def images(say: Say) -> Images:
    """Build, or take, all images."""
    try:
        presence.check()
        return built.build(say)
    except ImagesError as error:
        _not_run.append(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest, say: Say) -> Iterator[KindCluster]:
    """Return pytest-kind's cluster, not yet made: its own fixture cannot be told how many nodes there are to be."""
    option = request.config.getoption
    programs = {name: option(name) or os.environ.get(variable) for name, variable in presence.PROGRAMS.items()}
    cluster = KindCluster(
        "trimtab-e2e" if option("cluster_name") == "pytest-kind" else option("cluster_name"),
        image=option("kind_image") or os.environ.get("TRIMTAB_KIND_IMAGE"),
        kind_path=programs["kind_bin"] and Path(programs["kind_bin"]),
        kubectl_path=programs["kind_kubectl_bin"] and Path(programs["kind_kubectl_bin"]),
    )
    yield cluster
    if option("keep_cluster"):
        say(f"kept: KUBECONFIG={cluster.kubeconfig_path}")
    else:
        cluster.delete()


@pytest.fixture(scope="session")
def cluster(images: Images, kind: KindCluster, say: Say) -> Iterator[Cluster]:
    """Make the cluster, bring the images, install Prometheus and the operator."""
    say("the cluster (usually 60 s)")
    try:
        cluster = clusters.start(kind, clusters.repository(built.MODELS, WORK / "models"))
    except subprocess.CalledProcessError as error:
        _not_run.append(f"kind made no cluster: {error}; what it said is above")
        pytest.skip(_not_run[-1])
    try:
        say("images to its nodes (usually 60 s)")
        cluster.load(astuple(images))
        say("Prometheus and the operator (usually 30 s)")
        install.install_prometheus(cluster, images)
        install.install_operator(cluster, install.operator_manifests(cluster, images, WORK, install.SETTINGS))
    except BaseException:
        cluster.keep(WORK / "kept" / "installation")
        raise
    say("ready")
    yield cluster
    cluster.api.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what there is when a test fails."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and cluster is not None:
        cluster.keep(WORK / "kept" / item.name)
    return report


@pytest.fixture
def scene(cluster: Cluster, images: Images) -> Iterator[Scene]:
    """Make a namespace for one story."""
    with _scene(cluster, images) as scene:
        yield scene


@pytest.fixture(scope="module")
def shared_scene(cluster: Cluster, images: Images) -> Iterator[Scene]:
    """Make a namespace for the stories of a module."""
    with _scene(cluster, images) as scene:
        yield scene


@contextlib.contextmanager
def _scene(cluster: Cluster, images: Images) -> Iterator[Scene]:
    name = f"e2e-{next(_numbers)}"
    until(lambda: cluster.api.get(NAMESPACE, name) is None, what=f"the {name} of an earlier run to go", seconds=GONE_S)
    make_namespace(cluster.api, name)
    until(lambda: cluster.api.get("v1/ServiceAccount", "default", name), what=f"the service account default in {name}")
    scene = Scene(cluster, images, name)
    yield scene
    cluster.api.delete(NAMESPACE, name)
    scene.leave()
