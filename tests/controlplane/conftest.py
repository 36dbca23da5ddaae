"""Fixtures for tests against a real API server.

`control_plane`  (session) a running `controlplane.ControlPlane`: etcd, API server, controller manager, scheduler, KWOK
                 with GPU nodes, the project's CRDs installed. `.kubeconfig` is the admin's;
                 `.kubeconfig_for("tenant-a")` and `.api_as("trimtab-operator")` act as others (see
                 `controlplane.users.people`); `.audit` is the audit log; `.start_prometheus()` returns Prometheus' URL;
                 `.take_apiserver_away()`, `.bring_apiserver_back()`, `.freeze("kube-apiserver")`, `.thaw(...)`,
                 `.compact()` arrange accidents: undo them in a `finally`.
`api`            (session) `controlplane.Api` as admin: get, list, create, apply, patch, delete, request; plain dicts.
                 Kinds are written with their version: `api.get("apps/v1/Deployment", "web", namespace)`.
`operator`       (module) `controlplane.OperatorProcess`: the real operator as a child process, ready, with the rights
                 of config/rbac: `.kill()`, `.stop()`, `.start()`, `.pid`, `.log`, `.cpu_seconds`, `.peak_bytes`.
`namespace`      a fresh namespace that enforces the restricted Pod Security profile; its name. Deleted afterwards.
`tenant`         `controlplane.Api` as `tenant-a`, with the rights of `edit` and everything of trimtab.io in
                 `namespace`.
`fate`           `fate("init-fails", exit_code=3, message="...")` decides what becomes of pods made in `namespace` from
                 now on: `init-fails`, `crash-loop`, `never-ready`, `fails`, or `None` for pods that become Ready.
                 The same annotations work on a pod itself: see hack/controlplane/stages.yaml.

Wait with `controlplane.until(look, what=..., seconds=...)`. A test that stops the API server for long, or that counts
all of the audit log, starts a plane of its own: `with ControlPlane(Options(...)) as plane`.
"""

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlplane import Api, BinariesMissingError, ControlPlane, OperatorProcess, Options, prepare
from stories import decide_fate

ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)

EVERYTHING_OF_OURS = {"apiGroups": ["trimtab.io"], "resources": ["*"], "verbs": ["*"]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.controlplane)


@contextlib.contextmanager
def _visible(config: pytest.Config) -> Iterator[None]:
    """Show what is printed inside: somebody is waiting for a build."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        yield


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """Run a control plane for the whole session."""
    try:
        with _visible(request.config):
            plane = ControlPlane(Options(crds=ROOT / "crds"))
    except BinariesMissingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with plane:
        yield plane


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Api:
    """Return a client that may do everything."""
    return control_plane.admin


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Iterator[OperatorProcess]:
    """Run the operator for one module of tests."""
    prepare(control_plane)
    with OperatorProcess(control_plane) as process:
        yield process


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """Make a namespace for one test."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield name
    api.delete("v1/Namespace", name)


@pytest.fixture
def tenant(control_plane: ControlPlane, api: Api, namespace: str) -> Api:
    """Return a client with an ordinary person's rights in `namespace`."""
    group = "rbac.authorization.k8s.io"
    subject = {"apiGroup": group, "kind": "User", "name": "tenant-a"}
    place = {"name": "tenant", "namespace": namespace}
    api.apply({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": place, "rules": [EVERYTHING_OF_OURS]})
    for kind, name in (("Role", "tenant"), ("ClusterRole", "edit")):
        api.apply(
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": place | {"name": f"tenant-{name}"},
                "roleRef": {"apiGroup": group, "kind": kind, "name": name},
                "subjects": [subject],
            }
        )
    return control_plane.api_as("tenant-a")


@pytest.fixture
def fate(api: Api, namespace: str) -> Callable[..., None]:
    """Return a function that decides what becomes of pods that are made in `namespace` from now on."""
    return functools.partial(decide_fate, api, namespace)
