"""The command line of each component: plain functions of the plane's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from controlplane.ports import LOOPBACK

SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.1/16"
NODE_MARK = "kwok.x-k8s.io/node=fake"  # KWOK plays only nodes with this annotation


@dataclass(frozen=True)
class Layout:
    """Where a plane keeps its things, and the ports that it uses (0 where a component is left out)."""

    folder: Path
    etcd_port: int
    etcd_peer_port: int
    apiserver_port: int
    prometheus_port: int = 0

    @property
    def etcd_url(self) -> str:
        """Etcd's client address."""
        return f"http://{LOOPBACK}:{self.etcd_port}"

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{LOOPBACK}:{self.apiserver_port}"

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address."""
        return f"http://{LOOPBACK}:{self.prometheus_port}"

    @property
    def certificate_authority(self) -> Path:
        """What clients trust: the API server makes it at its first start."""
        return self.folder / "pki" / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        """The key of service account tokens."""
        return self.folder / "service-account.key"

    @property
    def tokens(self) -> Path:
        """The static tokens."""
        return self.folder / "tokens.csv"

    @property
    def audit_log(self) -> Path:
        """One JSON line per finished request."""
        return self.folder / "audit.jsonl"

    @property
    def audit_policy(self) -> Path:
        """What the audit log records."""
        return self.folder / "audit-policy.yaml"

    @property
    def stages(self) -> Path:
        """KWOK's stages."""
        return self.folder / "stages.yaml"

    @property
    def prometheus_config(self) -> Path:
        """Prometheus' configuration."""
        return self.folder / "prometheus.yml"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one of the plane's users."""
        return self.folder / f"{user}.kubeconfig"


def etcd(binary: Path, at: Layout) -> list[str]:
    """Return the command line of etcd: alone, and not waiting for a disk that nobody will read after a crash."""
    peer = f"http://{LOOPBACK}:{at.etcd_peer_port}"
    return [
        str(binary),
        f"--data-dir={at.folder / 'etcd'}",
        f"--listen-client-urls={at.etcd_url}",
        f"--advertise-client-urls={at.etcd_url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]


def apiserver(binary: Path, at: Layout, *, accounts: bool) -> list[str]:
    """Return the command line of the API server; `accounts` says whether somebody makes default service accounts."""
    return [
        str(binary),
        f"--etcd-servers={at.etcd_url}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={at.apiserver_port}",
        f"--cert-dir={at.folder / 'pki'}",
        "--endpoint-reconciler-type=none",  # a loopback address may not be an endpoint: it would fail for ever
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        f"--token-auth-file={at.tokens}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={at.signing_key}",
        f"--service-account-signing-key-file={at.signing_key}",
        f"--audit-policy-file={at.audit_policy}",
        f"--audit-log-path={at.audit_log}",
        "--audit-log-maxsize=100000",  # MB: never rotated, so that one file tells the whole story
        "--allow-privileged=true",
        "--profiling=false",
        *([] if accounts else ["--disable-admission-plugins=ServiceAccount"]),
    ]


def controller_manager(binary: Path, at: Layout) -> list[str]:
    """Return the command line of the controller manager, each controller under its own account as in a cluster."""
    return [
        str(binary),
        f"--kubeconfig={at.kubeconfig('controller-manager')}",
        f"--root-ca-file={at.certificate_authority}",
        f"--service-account-private-key-file={at.signing_key}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        # On a busy machine heartbeats come late: with the default 50 s pods lost Ready after 35 to 80 s. And when an
        # API server comes back after ten minutes, no node has had a heartbeat for as long.
        "--node-monitor-grace-period=1h",
        "--concurrent-deployment-syncs=10",
        "--concurrent-replicaset-syncs=10",
        "--concurrent-gc-syncs=20",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def scheduler(binary: Path, at: Layout) -> list[str]:
    """Return the command line of the scheduler."""
    return [
        str(binary),
        f"--kubeconfig={at.kubeconfig('scheduler')}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def kwok(binary: Path, at: Layout) -> list[str]:
    """Return the command line of KWOK, which plays the kubelets."""
    return [
        str(binary),
        f"--kubeconfig={at.kubeconfig('kwok')}",
        f"--config={at.stages}",
        f"--manage-nodes-with-annotation-selector={NODE_MARK}",
        f"--cidr={POD_RANGE}",
        "--node-lease-duration-seconds=40",
    ]


def prometheus(binary: Path, at: Layout) -> list[str]:
    """Return the command line of Prometheus."""
    return [
        str(binary),
        f"--config.file={at.prometheus_config}",
        f"--storage.tsdb.path={at.folder / 'tsdb'}",
        f"--web.listen-address={LOOPBACK}:{at.prometheus_port}",
        "--web.enable-lifecycle",
        "--log.level=warn",
    ]
