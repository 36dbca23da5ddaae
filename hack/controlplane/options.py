"""What a plane is made of: which components run, on which nodes, for whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from controlplane.nodes import Node, fleet
from controlplane.users import User


@dataclass(frozen=True)
class Options:
    """What to run beside etcd and the API server, and how.

    `folder` keeps the state after the end; without it the state is in a temporary folder that is removed. `audit_level`
    is `Metadata`, `Request` or `RequestResponse`. `crds` is a folder of definitions to install. `people` are users
    beyond `users.people()`. `scrape_proxy` is the URL of an HTTP proxy that answers Prometheus' scrapes of pods, since
    the addresses of played pods lead nowhere.
    """

    controller_manager: bool = True
    scheduler: bool = True
    kwok: bool = True
    prometheus: bool = False
    nodes: tuple[Node, ...] = field(default_factory=fleet)
    audit_level: str = "Metadata"
    crds: Path | None = None
    people: tuple[User, ...] = ()
    folder: Path | None = None
    scrape_proxy: str | None = None

    def programs(self) -> tuple[str, ...]:
        """Return the programs that such a plane needs; kubectl is for people and always there."""
        optional = {
            "kube-controller-manager": self.controller_manager,
            "kube-scheduler": self.scheduler,
            "kwok": self.kwok,
            "prometheus": self.prometheus,
        }
        return ("etcd", "kube-apiserver", "kubectl", *(program for program, wanted in optional.items() if wanted))
