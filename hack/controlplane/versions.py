"""Which programs a control plane is made of, in which versions, and what a version found elsewhere is worth."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent / "modules"  # one go.mod and go.sum for each project


@dataclass(frozen=True)
class Project:
    """A released project: the programs we take from it, and how they are downloaded or built.

    `version` has no leading `v`. `packages` maps each program to its Go package; `ldflags` and `tags` go to the
    linker and the compiler. `same` is how many leading numbers of a version must agree for a program to be
    interchangeable. `usually` is how long a build takes on two cores, in words.
    """

    name: str
    version: str
    packages: dict[str, str]
    same: int
    usually: str
    ldflags: str = ""
    tags: str = ""

    @property
    def module(self) -> Path:
        """The folder with the project's go.mod and go.sum."""
        return MODULES / self.name

    def accepts(self, version: str) -> bool:
        """Tell whether a program that reports `version` can stand in for ours."""
        return version.split(".")[: self.same] == self.version.split(".")[: self.same]


_STAMP = "k8s.io/component-base/version"
_KUBERNETES_VERSION = "1.36.4"
KUBERNETES = Project(
    name="kubernetes",
    version=_KUBERNETES_VERSION,
    packages={
        program: f"k8s.io/kubernetes/cmd/{program}"
        for program in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    },
    same=2,
    usually="5 to 7 min on two cores",
    # Unstamped, the API server calls itself v0.0.0-master and clients refuse to guess what it can do.
    ldflags=(
        f"-X {_STAMP}.gitVersion=v{_KUBERNETES_VERSION} -X {_STAMP}.gitMajor=1 -X {_STAMP}.gitMinor=36"
        f" -X {_STAMP}.gitTreeState=clean -X {_STAMP}.gitCommit=built-from-modules"
        f" -X {_STAMP}.buildDate=1970-01-01T00:00:00Z"
    ),
)
ETCD = Project(
    name="etcd",
    version="3.6.8",  # what kubeadm 1.36.4 installs
    packages={"etcd": "go.etcd.io/etcd/server/v3"},
    same=2,
    usually="under 1 min on two cores",
)
KWOK = Project(
    name="kwok",
    version="0.8.0",
    packages={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
    same=2,
    usually="1 to 2 min on two cores",
    ldflags="-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0",
)
PROMETHEUS = Project(
    name="prometheus",
    version="3.16.0",  # as a Go module: v0.316.0
    packages={"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
    same=1,
    usually="2 to 4 min on two cores",
    ldflags="-X github.com/prometheus/common/version.Version=3.16.0",
    tags="remove_all_sd,enable_kubernetes_sd",  # we discover pods and nothing else: half of the build time
)
METRICS_SERVER = Project(
    name="metrics-server",
    version="0.9.0",  # for Kubernetes 1.36
    packages={"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
    same=2,
    usually="2 to 3 min on two cores",
)
PROJECTS = (ETCD, KUBERNETES, KWOK, PROMETHEUS)
PROGRAMS = tuple(program for project in PROJECTS for program in project.packages)
BESIDE = (METRICS_SERVER,)  # no part of the plane: built when the end-to-end tests ask for it

# How each program says its version; kubectl wants its own words and needs no cluster for them.
_ASK = {"kubectl": ("version", "--client")}
_SAID = re.compile(r"v?(\d+\.\d+\.\d+)")


def project_of(program: str) -> Project:
    """Return the project that `program` comes from.

    Raises:
        KeyError: no project has such a program.
    """
    for project in (*PROJECTS, *BESIDE):
        if program in project.packages:
            return project
    message = f"no program {program!r}; there are {', '.join(PROGRAMS)}"
    raise KeyError(message)


def question(program: str) -> tuple[str, ...]:
    """Return the arguments that make `program` print its version."""
    return _ASK.get(program, ("--version",))


def said(output: str) -> str | None:
    """Return the first `1.2.3` in what a program printed, or None."""
    found = _SAID.search(output)
    return found.group(1) if found else None


def target() -> tuple[str, str]:
    """Return this machine as Go names it: operating system and architecture, such as `("linux", "amd64")`."""
    machine = platform.machine().lower()
    return platform.system().lower(), {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def cache_root() -> Path:
    """Return the folder that keeps binaries between runs; it lies outside the repository, so `make clean` spares it."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "trimtab" / "controlplane"
    try:
        return Path.home() / ".cache" / "trimtab" / "controlplane"
    except RuntimeError:  # no HOME, and a user that the system does not know: as in some containers
        return Path(tempfile.gettempdir()) / "trimtab" / "controlplane"


def cached(program: str) -> Path:
    """Return where the cache keeps `program`, whether it is there or not."""
    project = project_of(program)
    return cache_root() / f"{project.name}-{project.version}-{'-'.join(target())}" / program
