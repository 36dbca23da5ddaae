"""Who may reach a model's pods, and what they may reach.

Egress is the second lock. The first is in the init container, which refuses addresses itself; this one also holds what
a model's own code would try, for as long as the pod lives.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import TypeVar

from trimtab.api.addresses import (
    IPV4_KINDS,
    IPV6_GLOBAL,
    IPV6_KINDS,
    AddressKind,
    IpAddress,
    NetworkRules,
    parse_host,
)
from trimtab.api.kinds import NETWORK_POLICY, Manifest
from trimtab.api.serving import AllowedClient
from trimtab.render.names import base_name, labels, metadata, selector
from trimtab.render.settings import RenderSettings, Serving
from trimtab.render.triton import GRPC_PORT, HTTP_PORT, METRICS_PORT

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"  # set by the API server, and by nobody else
OPERATOR_LABELS = {"app.kubernetes.io/name": "trimtab", "app.kubernetes.io/component": "operator"}
DNS_PORTS = (53, 5353)  # 5353: where OpenShift's resolvers listen behind port 53
EVERYTHING_IPV4 = IPv4Network("0.0.0.0/0")
PRIVATE_IPV6 = IPv6Network("fc00::/7")
PRIVATE_IPV4 = tuple(network for network, kind in IPV4_KINDS if kind is AddressKind.PRIVATE)
METADATA_IPV4 = tuple(network for network, kind in IPV4_KINDS if kind is AddressKind.METADATA)
METADATA_IPV6 = tuple(network for network, kind in IPV6_KINDS if kind is AddressKind.METADATA)

Network = TypeVar("Network", IPv4Network, IPv6Network)


def render_network_policy(serving: Serving, settings: RenderSettings) -> Manifest:
    """Return the NetworkPolicy of a model's pods, of every variant; probes come from the node and always pass."""
    downloads = serving.spec.model.source.uri is not None
    return {
        "apiVersion": NETWORK_POLICY.api_version,
        "kind": NETWORK_POLICY.kind,
        "metadata": metadata(serving.model, base_name(serving.model.name), labels(serving.model.name)),
        "spec": {
            "podSelector": {"matchLabels": selector(serving.model.name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": _clients(serving.spec.serving.allowed_clients), "ports": _tcp(HTTP_PORT, GRPC_PORT)},
                {"from": [_scraper(settings), *_operator(settings)], "ports": _tcp(METRICS_PORT)},
            ],
            # Said even where it is empty: a field that we do not mention would not be ours to close again.
            "egress": egress(settings.pod.network_rules) if downloads else [],
        },
    }


def egress(rules: NetworkRules) -> list[Manifest]:
    """Return what a pod that downloads its model may reach: resolvers, the public internet, what was allowed beyond.

    A policy knows addresses, not names, so a name among the allowed endpoints opens every private address at its port.
    It sees a connection to a Service after the Service's own translation: where the pods listen on another port
    than their Service, the administrator allows the name with the pods' port as well.
    """
    allowed = [_split(text) for text in sorted(rules.allowed_endpoints)]
    private_ports = sorted({port for host, port in allowed if isinstance(host, str)})
    addresses = [(host, port) for host, port in allowed if not isinstance(host, str)]
    rendered: list[Manifest] = [
        # To anywhere: resolvers are pods here, link-local addresses there, and a metadata address on some clouds.
        {"ports": [{"protocol": protocol, "port": port} for port in DNS_PORTS for protocol in ("UDP", "TCP")]},
        {"to": _public(), "ports": [{"protocol": "TCP"}]},
    ]
    if rules.allow_private_addresses:
        rendered.append({"to": _private(), "ports": [{"protocol": "TCP"}]})
    elif private_ports:
        rendered.append({"to": _private(), "ports": _tcp(*private_ports)})
    rendered += [
        {"to": [{"ipBlock": {"cidr": f"{host}/{host.max_prefixlen}"}}], "ports": _tcp(port)} for host, port in addresses
    ]
    return rendered


def _clients(allowed: tuple[AllowedClient, ...]) -> list[Manifest]:
    """Return the peers that may call the model; nobody named means every pod of its namespace."""
    return [_pods(client.namespace, client.pod_labels) for client in allowed or (AllowedClient(),)]


def _scraper(settings: RenderSettings) -> Manifest:
    if settings.scraper_namespace is not None:
        return _pods(settings.scraper_namespace, settings.scraper_labels)
    return {"namespaceSelector": {}, **_with_labels(settings.scraper_labels)}


def _operator(settings: RenderSettings) -> list[Manifest]:
    """Return the operator's own pods, as config/manager labels them, where it reads metrics itself."""
    return [] if settings.operator_namespace is None else [_pods(settings.operator_namespace, OPERATOR_LABELS)]


def _pods(namespace: str | None, pod_labels: Mapping[str, str]) -> Manifest:
    """Return the pods of a namespace, the policy's own if None, that carry labels."""
    if namespace is None:
        return {"podSelector": {}, **_with_labels(pod_labels)}
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: namespace}}, **_with_labels(pod_labels)}


def _with_labels(pod_labels: Mapping[str, str]) -> Manifest:
    return {"podSelector": {"matchLabels": dict(pod_labels)}} if pod_labels else {}


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def _public() -> list[Manifest]:
    """Return every public address. NAT64 stays closed: it leads to IPv4 addresses that this list would not see."""
    return [
        _block(EVERYTHING_IPV4, (network for network, _ in IPV4_KINDS)),
        _block(IPV6_GLOBAL, (network for network, _ in IPV6_KINDS)),
    ]


def _private() -> list[Manifest]:
    """Return every private address but metadata services, and every pod: some networks tell those by labels alone."""
    return [
        *(_block(network, METADATA_IPV4) for network in PRIVATE_IPV4),
        _block(PRIVATE_IPV6, METADATA_IPV6),
        {"namespaceSelector": {}},
    ]


def _block(network: Network, others: Iterable[Network]) -> Manifest:
    """Return the addresses of a network without those of the others that lie inside it, each said once."""
    holes = [str(hole) for hole in collapse_addresses(other for other in others if other.subnet_of(network))]
    return {"ipBlock": {"cidr": str(network), **({"except": holes} if holes else {})}}


def _split(endpoint: str) -> tuple[IpAddress | str, int]:
    host, _, port = endpoint.rpartition(":")
    return parse_host(host), int(port)
