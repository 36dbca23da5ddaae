"""Who may reach a model's pods, and what those may reach."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from samples import SAMPLES, SETTINGS, serving_of
from trimtab.api.addresses import NetworkRules
from trimtab.api.kinds import Manifest
from trimtab.render.network import egress, render_network_policy

DOWNLOADS, MOUNTS = SAMPLES[0], SAMPLES[2]
METADATA = "169.254.169.254"


def admits(rules: NetworkRules, address: str, port: int = 443) -> bool:
    """Tell whether a network plugin would let a TCP connection to an address outside the cluster pass."""
    return any(_matches(rule, address, port) for rule in egress(rules))


def _matches(rule: Manifest, address: str, port: int) -> bool:
    ports = any(each["protocol"] == "TCP" and each.get("port", port) == port for each in rule["ports"])
    peers = rule.get("to")
    return ports and (peers is None or any(_inside(peer, address) for peer in peers))


def _inside(peer: Manifest, address: str) -> bool:
    block = peer.get("ipBlock")
    if block is None:
        return False
    within = ip_address(address) in ip_network(block["cidr"])
    return within and not any(ip_address(address) in ip_network(hole) for hole in block.get("except", ()))


def ingress(sample: Path = DOWNLOADS, **settings: Any) -> list[Manifest]:  # noqa: ANN401 - fields of RenderSettings
    """Return the ingress rules of a sample."""
    rules: list[Manifest] = render_network_policy(serving_of(sample), replace(SETTINGS, **settings))["spec"]["ingress"]
    return rules


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1"])
def test_the_public_internet_is_open_to_a_model_that_is_downloaded(address: str) -> None:
    """Stores redirect to where nobody can know beforehand."""
    assert admits(NetworkRules(), address)


METADATA_SERVICES = (METADATA, "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16")
METADATA_SERVICES_IPV6 = ("fd00:ec2::254", "fd20:ce::254")
PRIVATE = ("10.0.0.1", "172.16.9.9", "192.168.1.1", "100.64.0.1", "fd12::1")
LOCAL = ("169.254.1.1", "fe80::1", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - Linux takes it for the machine itself
RESERVED = ("224.0.0.1", "255.255.255.255", "2002:a00:1::1", "64:ff9b::a00:1")


@pytest.mark.parametrize("address", [*METADATA_SERVICES, *METADATA_SERVICES_IPV6, *PRIVATE, *LOCAL, *RESERVED])
def test_nothing_else_is(address: str) -> None:
    """Metadata services, private, local and reserved addresses stay closed, however they are written."""
    assert not admits(NetworkRules(), address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_open_when_the_administrator_says_so(address: str) -> None:
    """... at every port, and to pods by label, since some networks do not see pods as addresses."""
    rules = NetworkRules(allow_private_addresses=True)

    assert admits(rules, address, port=9000)
    assert any({"namespaceSelector": {}} in rule.get("to", ()) for rule in egress(rules))


@pytest.mark.parametrize(
    "rules",
    [
        NetworkRules(allow_private_addresses=True),
        NetworkRules(allowed_endpoints=frozenset({"minio.minio.svc:80"})),
    ],
)
@pytest.mark.parametrize("address", [*METADATA_SERVICES, *METADATA_SERVICES_IPV6, *LOCAL, *RESERVED])
def test_metadata_services_do_not_open_with_private_addresses(rules: NetworkRules, address: str) -> None:
    """Some lie inside private ranges: they are left out of them."""
    assert not admits(rules, address, port=80)


def test_an_allowed_address_opens_at_its_port_alone() -> None:
    """Even a metadata service, if the administrator names it."""
    rules = NetworkRules(allowed_endpoints=frozenset({"10.1.2.3:9000", f"{METADATA}:80", "[fd12::1]:8443"}))

    assert admits(rules, "10.1.2.3", 9000)
    assert admits(rules, METADATA, 80)
    assert admits(rules, "fd12::1", 8443)
    assert not admits(rules, "10.1.2.3", 443)
    assert not admits(rules, "10.1.2.4", 9000)


def test_an_allowed_name_opens_private_addresses_at_its_port() -> None:
    """A policy knows no names: nobody can say which address the name will have."""
    rules = NetworkRules(allowed_endpoints=frozenset({"minio.minio.svc:9000", "store.example.com:8443"}))

    assert admits(rules, "10.1.2.3", 9000)
    assert admits(rules, "10.1.2.3", 8443)
    assert not admits(rules, "10.1.2.3", 443)


def test_resolvers_are_reached_wherever_they_are() -> None:
    """Some clusters resolve names at a link-local address of the node, some at the metadata service's."""
    first = egress(NetworkRules())[0]

    assert "to" not in first
    assert {(each["protocol"], each["port"]) for each in first["ports"]} >= {("UDP", 53), ("TCP", 53)}


def test_a_model_that_is_mounted_reaches_nothing() -> None:
    """Egress is said to be empty, so that it is ours to close again."""
    spec = render_network_policy(serving_of(MOUNTS), SETTINGS)["spec"]

    assert spec["egress"] == []
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_everybody_in_the_namespace_may_call_a_model_that_names_nobody() -> None:
    """The default is the model's own namespace, and the metrics port is not part of it."""
    clients, _ = ingress()

    assert clients["from"] == [{"podSelector": {}}]
    assert [each["port"] for each in clients["ports"]] == [8000, 8001]


def test_only_those_who_are_named_may_call_a_model_that_names_some() -> None:
    """By labels in the model's namespace, by labels and namespace elsewhere; both must hold."""
    clients, _ = ingress(MOUNTS)

    assert clients["from"] == [
        {"podSelector": {"matchLabels": {"app": "search-api"}}},
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
            "podSelector": {"matchLabels": {"app": "checkout"}},
        },
    ]


@pytest.mark.parametrize(
    ("settings", "peer"),
    [
        ({}, {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}),
        ({"scraper_namespace": None}, {"namespaceSelector": {}}),
        (
            {"scraper_namespace": None, "scraper_labels": {"app": "prometheus"}},
            {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "prometheus"}}},
        ),
        (
            {"scraper_labels": {"app": "prometheus"}},
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                "podSelector": {"matchLabels": {"app": "prometheus"}},
            },
        ),
    ],
)
def test_the_scraper_alone_reads_metrics(settings: dict[str, Any], peer: Manifest) -> None:
    """Where it runs, and what it is labelled, is the administrator's to say."""
    _, scraper = ingress(**settings)

    assert scraper == {"from": [peer], "ports": [{"protocol": "TCP", "port": 8002}]}


def test_an_operator_that_reads_metrics_may_reach_them_by_its_own_labels() -> None:
    """Those of config/manager, in its own namespace; no other pod of that namespace, and no other port."""
    manifest = yaml.safe_load((Path(__file__).parents[3] / "config/manager/deployment.yaml").read_text())
    operator = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ops"}},
        "podSelector": {"matchLabels": manifest["spec"]["template"]["metadata"]["labels"]},
    }

    clients, scraper = ingress(operator_namespace="ops")

    assert operator not in clients["from"]
    assert scraper["from"][1:] == [operator]
    assert scraper["ports"] == [{"protocol": "TCP", "port": 8002}]
