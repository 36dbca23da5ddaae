"""A control plane: its life, from the first process to the last, and the accidents that tests arrange for it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from controlplane import audit, bootstrap, commands, etcd, ports, processes, scrape, users
from controlplane.api import Api, ApiError, until
from controlplane.binaries import find
from controlplane.commands import Layout
from controlplane.options import Options
from controlplane.ports import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from controlplane.processes import Component

PREFIX = "trimtab-controlplane-"
READY_S = 60.0
PORT_TRIES = 5


class ControlPlane:
    """A running control plane, as a context manager.

        with ControlPlane(Options(prometheus=True)) as plane:
            plane.admin.list("v1/Node")

    It listens on loopback only; several may run side by side.
    """

    def __init__(self, options: Options | None = None, *, binaries: Mapping[str, Path] | None = None) -> None:
        """Prepare a plane; `binaries` maps programs to files and is looked for where it is not given."""
        self.options = options or Options()
        self.binaries = dict(binaries or find(self.options.programs()))
        self.people = {user.name: user for user in (*users.people(), *self.options.people)}
        self.components: dict[str, Component] = {}
        self._apis: dict[str, Api] = {}
        self._held: socket.socket | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start every component and wait until the plane is usable; on failure leave nothing behind.

        Raises:
            ComponentFailedError: a component ended or did not become ready.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.stop()

    def stop(self) -> None:
        """End every process and remove the temporary folder."""
        processes.stop(self.components.values())
        self.components.clear()
        for api in self._apis.values():
            api.close()
        self._release()
        self._stack.close()

    def _start(self) -> None:
        kept = self.options.folder
        folder = (kept or Path(tempfile.mkdtemp(prefix=PREFIX))).absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not kept:
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self._guard = self._stack.enter_context(processes.Guard(() if kept else (folder,)))
        self.layout = Layout(folder, 0, 0, 0)
        self._write_files()
        self._start_on_free_ports("etcd", self._etcd_ready)
        self._start_on_free_ports("kube-apiserver", self._apiserver_ready)
        for user in self.people:
            self.kubeconfig_for(user)
        if self.options.controller_manager:
            self._spawn("kube-controller-manager", commands.controller_manager)
        if self.options.scheduler:
            self._spawn("kube-scheduler", commands.scheduler)
        if self.options.kwok:
            self._spawn("kwok", commands.kwok)
        self._furnish()
        if self.options.prometheus:
            self.start_prometheus(proxy=self.options.scrape_proxy)

    def _write_files(self) -> None:
        at = self.layout
        for stale in at.folder.glob("*.kubeconfig"):  # in a kept folder: the tokens and ports are new
            stale.unlink()
        _private(at.tokens, users.token_file(self.people.values()))
        _private(at.signing_key, users.signing_key())
        at.audit_policy.write_text(audit.policy(self.options.audit_level))
        shutil.copyfile(Path(__file__).with_name("stages.yaml"), at.stages)

    def _furnish(self) -> None:
        for manifest in (*bootstrap.DISCOVERY, *bootstrap.FATES):
            self.admin.apply(manifest)
        if self.options.crds:
            bootstrap.establish(self.admin, self.options.crds)
        if self.options.controller_manager:
            self._await("kube-controller-manager", self._default_account_ready)
        if self.options.kwok and self.options.controller_manager:
            bootstrap.add_nodes(self.admin, self.options.nodes)

    def start_prometheus(self, *, proxy: str | None = None) -> str:
        """Start Prometheus with the project's scrape configuration, if it does not run yet, and return its URL.

        `proxy` is `Options.scrape_proxy`.
        """
        if "prometheus" not in self.components:
            self.binaries |= find(("prometheus",)) if "prometheus" not in self.binaries else {}
            kubeconfig = self.kubeconfig_for("prometheus")
            self.layout.prometheus_config.write_text(scrape.configuration(kubeconfig=kubeconfig, proxy=proxy))
            self._start_on_free_ports("prometheus", self._prometheus_ready)
        return self.layout.prometheus_url

    # -- processes ---------------------------------------------------------------------------------------------------

    def spawn(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> Component:
        """Start a program beside the plane, which ends with it; its output goes to `name`.log in the plane's folder."""
        component = self._guard.spawn(name, argv, self.layout.folder / f"{name}.log", environment)
        self.components[name] = component
        return component

    def _spawn(self, name: str, command: Callable[[Path, Layout], list[str]]) -> Component:
        argv = command(self.binaries[name], self.layout)
        return self.spawn(name, argv, processes.plain_environment(self.layout.folder))

    def _start_on_free_ports(self, name: str, ready: Callable[[], bool]) -> None:
        fields = {
            "etcd": ("etcd_port", "etcd_peer_port"),
            "kube-apiserver": ("apiserver_port",),
            "prometheus": ("prometheus_port",),
        }[name]
        for attempt in range(PORT_TRIES):
            chosen: dict[str, Any] = {each: ports.free() for each in fields}
            self.layout = dataclasses.replace(self.layout, **chosen)
            component = self._spawn(name, self._command(name))
            try:
                self._await(name, ready)
            except processes.ComponentFailedError:
                if attempt + 1 < PORT_TRIES and "address already in use" in component.last_words():
                    component.log.unlink()
                    self._apis.clear()
                    continue
                raise
            return

    def _command(self, name: str) -> Callable[[Path, Layout], list[str]]:
        if name == "kube-apiserver":
            accounts = self.options.controller_manager
            return lambda binary, at: commands.apiserver(binary, at, accounts=accounts)
        return {"etcd": commands.etcd, "prometheus": commands.prometheus}[name]

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        component = self.components[name]
        deadline = time.monotonic() + READY_S
        while component.running and time.monotonic() < deadline:
            with contextlib.suppress(OSError, ApiError):
                if ready():
                    return
            time.sleep(0.05)
        raise processes.late(component, READY_S) if component.running else processes.ended(component)

    def _etcd_ready(self) -> bool:
        return etcd.healthy(self.layout.etcd_url)

    def _apiserver_ready(self) -> bool:
        self.layout.certificate_authority.stat()  # it comes with the first start
        return bool(self.admin.request("GET", "/readyz") == "ok")

    def _prometheus_ready(self) -> bool:
        return answers(f"{self.layout.prometheus_url}/-/ready")

    def _default_account_ready(self) -> bool:
        return self.admin.get("v1/ServiceAccount", "default", "default") is not None

    # -- users -------------------------------------------------------------------------------------------------------

    def api_as(self, name: str) -> Api:
        """Return a client that acts as one of the plane's users (see `users.people`); the plane closes it."""
        if name not in self._apis:
            token = self._user(name).token
            at = self.layout
            self._apis[name] = Api(ports.LOOPBACK, at.apiserver_port, at.certificate_authority, token)
        return self._apis[name]

    @property
    def admin(self) -> Api:
        """A client that may do everything."""
        return self.api_as("admin")

    def kubeconfig_for(self, name: str) -> Path:
        """Return the path of the kubeconfig of one of the plane's users."""
        path = self.layout.kubeconfig(name)
        if not path.exists():
            text = users.kubeconfig(self.layout.server, self.layout.certificate_authority, self._user(name).token)
            _private(path, text)
        return path

    def kubeconfig_for_account(self, namespace: str, account: str) -> Path:
        """Return the path of a kubeconfig with a real one-hour token of an existing service account."""
        path = self.admin.path("v1/ServiceAccount", namespace, account)
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = self.admin.request("POST", f"{path}/token", request)["status"]["token"]
        file = self.layout.kubeconfig(f"{namespace}.{account}")
        _private(file, users.kubeconfig(self.layout.server, self.layout.certificate_authority, token))
        return file

    @property
    def kubeconfig(self) -> Path:
        """The path of the admin's kubeconfig."""
        return self.kubeconfig_for("admin")

    @property
    def audit(self) -> audit.AuditLog:
        """The audit log."""
        return audit.AuditLog(self.layout.audit_log)

    def _user(self, name: str) -> users.User:
        try:
            return self.people[name]
        except KeyError:
            message = f"no user {name!r}: there are {', '.join(self.people)}; give others as Options(people=...)"
            raise KeyError(message) from None

    # -- accidents ---------------------------------------------------------------------------------------------------

    def take_apiserver_away(self, *, kill: bool = False) -> None:
        """Stop the API server (or kill it), and hold its port so that connections are refused and nobody takes it."""
        component = self.components["kube-apiserver"]
        if kill:
            component.process.kill()
        processes.stop([component])
        component.process.wait()
        port = self.layout.apiserver_port
        self._held = until(lambda: ports.hold(port, after_use=True), what="the API server's port to be let go")

    def bring_apiserver_back(self) -> None:
        """Start the API server on its old port and wait until it is ready."""
        self._release()
        self._spawn("kube-apiserver", self._command("kube-apiserver"))
        self._await("kube-apiserver", self._apiserver_ready)
        for api in self._apis.values():
            api.restarted()

    def freeze(self, name: str) -> None:
        """Freeze a component: its connections stay open and nothing comes through them."""
        self.components[name].process.send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen component go on."""
        self.components[name].process.send_signal(signal.SIGCONT)

    def compact(self) -> None:
        """Forget etcd's past.

        The API server still remembers some minutes of it: old resource versions and continue tokens are answered 410
        Gone after it was taken away and brought back.
        """
        etcd.compact(self.layout.etcd_url)

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def _private(path: Path, text: str) -> None:
    """Write a file that only we may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
