"""What a plane's programs are told: ports, users, and Prometheus' configuration."""

import socket
from pathlib import Path

import pytest
import yaml

from controlplane import ports, scrape, users

ROOT = Path(__file__).parents[3]


def test_a_held_port_refuses_connections_until_it_is_let_go() -> None:
    """So an API server that was taken away is refused, not silent, and gets its port back."""
    port = ports.free()
    holder = ports.hold(port)
    assert holder is not None

    with holder, pytest.raises(ConnectionRefusedError):
        socket.create_connection((ports.LOOPBACK, port), timeout=1)

    again = ports.hold(port)
    assert again is not None
    again.close()


def test_a_port_that_is_held_is_not_handed_out_again() -> None:
    """`hold` says None for a port that somebody has."""
    port = ports.free()
    with socket.create_server((ports.LOOPBACK, port)):
        assert ports.hold(port) is None


def test_the_operators_user_is_the_account_that_config_gives_rights_to() -> None:
    """What the operator may do in a test is exactly what it may do in a cluster."""
    binding = next(
        manifest
        for manifest in yaml.safe_load_all((ROOT / "config" / "rbac" / "operator.yaml").read_text())
        if manifest["kind"] == "ClusterRoleBinding"
    )
    (subject,) = binding["subjects"]

    (operator,) = (user for user in users.people() if user.name == "trimtab-operator")

    assert operator.username == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    assert f"system:serviceaccounts:{subject['namespace']}" in operator.groups


def test_prometheus_reads_the_projects_jobs_and_only_learns_where_the_api_server_is() -> None:
    """Every other line of config/prometheus/scrape.yaml is what is tested."""
    project = yaml.safe_load(scrape.PROJECT.read_text())["scrape_configs"]

    jobs = yaml.safe_load(scrape.configuration(kubeconfig=Path("/k"), proxy="http://127.0.0.1:1"))["scrape_configs"]

    assert len(jobs) == len(project) > 0
    for job in jobs:
        assert job.pop("proxy_url") == "http://127.0.0.1:1"
        for discovery in job["kubernetes_sd_configs"]:
            assert discovery.pop("kubeconfig_file") == "/k"
    assert jobs == project
