"""Which network addresses a model may come from.

A user names the host; the init container connects to it from inside the cluster. So an address that is not on the
public internet is refused, in whatever notation it is written, unless the administrator has named that endpoint. The
rules are pure: the operator applies them to what a user wrote, the init container to what the name resolved to.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IpAddress = IPv4Address | IPv6Address

MAX_HOST_LENGTH = 253
MAX_PORT = 65_535
MAX_IPV4 = 2**32 - 1
MAX_IPV4_PARTS = 4
MAX_BYTE = 255


class AddressKind(StrEnum):
    """Where an address leads."""

    PUBLIC = "Public"
    PRIVATE = "Private"
    LOOPBACK = "Loopback"
    LINK_LOCAL = "LinkLocal"
    METADATA = "Metadata"
    RESERVED = "Reserved"


# First match wins. Metadata services come first: some of them live inside other ranges, Azure's in a public one.
IPV4_KINDS: tuple[tuple[IPv4Network, AddressKind], ...] = tuple(
    (IPv4Network(text), kind)
    for text, kind in (
        ("169.254.169.254/32", AddressKind.METADATA),  # AWS, Azure, Google, most others
        ("169.254.170.0/24", AddressKind.METADATA),  # AWS container and pod identity
        ("100.100.100.200/32", AddressKind.METADATA),  # Alibaba
        ("192.0.0.192/32", AddressKind.METADATA),  # Oracle
        ("168.63.129.16/32", AddressKind.METADATA),  # Azure's wire server
        ("169.254.0.0/16", AddressKind.LINK_LOCAL),
        ("127.0.0.0/8", AddressKind.LOOPBACK),
        ("10.0.0.0/8", AddressKind.PRIVATE),
        ("172.16.0.0/12", AddressKind.PRIVATE),
        ("192.168.0.0/16", AddressKind.PRIVATE),
        ("100.64.0.0/10", AddressKind.PRIVATE),  # carrier-grade NAT: pod ranges of some clouds
        ("0.0.0.0/8", AddressKind.RESERVED),  # Linux connects 0.0.0.0 to the machine itself
        ("192.0.0.0/24", AddressKind.RESERVED),
        ("192.0.2.0/24", AddressKind.RESERVED),
        ("192.88.99.0/24", AddressKind.RESERVED),
        ("198.18.0.0/15", AddressKind.RESERVED),
        ("198.51.100.0/24", AddressKind.RESERVED),
        ("203.0.113.0/24", AddressKind.RESERVED),
        ("224.0.0.0/4", AddressKind.RESERVED),
        ("240.0.0.0/4", AddressKind.RESERVED),
    )
)
IPV6_KINDS: tuple[tuple[IPv6Network, AddressKind], ...] = tuple(
    (IPv6Network(text), kind)
    for text, kind in (
        ("fd00:ec2::/32", AddressKind.METADATA),  # AWS
        ("fd20:ce::254/128", AddressKind.METADATA),  # Google
        ("fd00:c1::a9fe:a9fe/128", AddressKind.METADATA),  # Oracle
        ("::1/128", AddressKind.LOOPBACK),
        ("fe80::/10", AddressKind.LINK_LOCAL),
        ("fc00::/7", AddressKind.PRIVATE),
        ("2001::/23", AddressKind.RESERVED),  # Teredo and other protocol assignments
        ("2001:db8::/32", AddressKind.RESERVED),
        ("2002::/16", AddressKind.RESERVED),  # 6to4: carries an IPv4 address of the writer's choice
        ("3fff::/20", AddressKind.RESERVED),
    )
)
IPV6_GLOBAL = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")

# Names that never lead to the public internet: RFC 6761, RFC 8375, ICANN's .internal, and a cluster's own.
PRIVATE_SUFFIXES = ("localhost", "localdomain", "local", "internal", "home.arpa", "svc", "cluster")

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+")  # also a bare 0x, which some resolvers read as 0: refused
MAX_SHOWN_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class NetworkRules:
    """What the administrator allows beyond the public internet.

    `allow_private_addresses` opens RFC 1918, carrier-grade NAT and unique local addresses, and names that only a
    cluster knows. It never opens loopback, link-local or metadata addresses: those need an entry `host:port` in
    `allowed_endpoints`, in lower case, an IPv6 address in brackets.
    """

    allow_private_addresses: bool = False
    allowed_endpoints: frozenset[str] = field(default_factory=frozenset)


def classify_address(address: IpAddress) -> AddressKind:
    """Return where an address leads; an IPv4 address inside an IPv6 one counts as itself."""
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in IPV4_KINDS if address in network), AddressKind.PUBLIC)
    inner = address.ipv4_mapped
    if inner is None and address in NAT64:
        inner = IPv4Address(int(address) & MAX_IPV4)
    if inner is not None:
        return classify_address(inner)
    kind = next((kind for network, kind in IPV6_KINDS if address in network), None)
    if kind is not None:
        return kind
    return AddressKind.PUBLIC if address in IPV6_GLOBAL else AddressKind.RESERVED


def parse_host(text: str) -> IpAddress | str:
    """Return the address that a notation means to the resolver, else the name in lower case without a final dot.

    Reads IPv4 as inet_aton does: decimal, octal, hexadecimal, one to four parts.

    Raises:
        ValueError: if the text is neither an address nor a host name.
    """
    if text.startswith("["):
        return _bracketed(text)
    name = text.lower()
    if not name.isascii():
        raise ValueError("holds characters outside ASCII; write an international name in its xn-- form")
    name = name.removesuffix(".")
    if not name or len(name) > MAX_HOST_LENGTH:
        raise ValueError(f"must have 1 to {MAX_HOST_LENGTH} characters")
    labels = name.split(".")
    if NUMERIC_LABEL.fullmatch(labels[-1]):
        return _inet_aton(labels)
    if not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError("is not a host name: labels of letters, digits, '-' and '_', joined by single dots")
    return name


def refuse_host(text: str, port: int, rules: NetworkRules) -> str | None:
    """Return why a host may not be contacted, judging by its notation alone; None if nothing speaks against it.

    A name may still resolve to a refused address: whoever connects must ask `refuse_address` then.
    """
    try:
        host = parse_host(text)
    except ValueError as error:
        return f"host {shown(text)} {error}"
    if endpoint(host, port) in rules.allowed_endpoints:
        return None
    if not isinstance(host, str):
        return refuse_address(host, port, rules) or _refuse_notation(text, host)
    if rules.allow_private_addresses and not is_below(host, "localhost") and host.split(".")[0] != "metadata":
        return None
    if "." not in host or any(is_below(host, suffix) for suffix in PRIVATE_SUFFIXES):
        return f"host {host} is not a name of the public internet; {_how_to_allow(host, port)}"
    return None


def refuse_address(address: IpAddress, port: int, rules: NetworkRules) -> str | None:
    """Return why an address may not be contacted, None if it may."""
    kind = classify_address(address)
    if kind is AddressKind.PUBLIC or endpoint(address, port) in rules.allowed_endpoints:
        return None
    if kind is AddressKind.PRIVATE and rules.allow_private_addresses:
        return None
    return f"address {address} is not public ({kind}); {_how_to_allow(address, port)}"


def endpoint(host: IpAddress | str, port: int) -> str:
    """Return `host:port` in the one notation that `NetworkRules.allowed_endpoints` uses."""
    return f"[{host}]:{port}" if isinstance(host, IPv6Address) else f"{host}:{port}"


def parse_endpoint(text: str) -> str:
    """Return an administrator's `host:port` in its one notation; raises ValueError for anything else."""
    host, separator, port = text.rpartition(":")
    if not separator or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
        raise ValueError(f"{shown(text)} is not host:port with a port from 1 to {MAX_PORT}")
    return endpoint(parse_host(host), int(port))


def shown(text: str) -> str:
    """Return a text for a message: quoted, ASCII, one line, not endless."""
    return ascii(text if len(text) <= MAX_SHOWN_LENGTH else text[:MAX_SHOWN_LENGTH] + "...")


def is_below(name: str, domain: str) -> bool:
    """Tell whether a host name is a domain or lies below it."""
    return name == domain or name.endswith("." + domain)


def _refuse_notation(text: str, address: IpAddress) -> str | None:
    if isinstance(address, IPv6Address) or text == str(address):
        return None
    return f"host {shown(text)} is {address} in a notation that not every reader knows; write it plainly"


def _how_to_allow(host: IpAddress | str, port: int) -> str:
    return f"use a public host, or ask the administrator to allow {endpoint(host, port)} for models"


def _bracketed(text: str) -> IpAddress:
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        address = None
    if not isinstance(address, IPv6Address) or not text.endswith("]") or address.scope_id is not None:
        raise ValueError("is not an IPv6 address without a zone in brackets")
    return address.ipv4_mapped or address


def _inet_aton(labels: list[str]) -> IPv4Address:
    msg = "ends like an IPv4 address but is none"
    if len(labels) > MAX_IPV4_PARTS or not all(NUMERIC_LABEL.fullmatch(label) for label in labels):
        raise ValueError(msg)
    try:
        *heads, last = (_c_integer(label) for label in labels)
    except ValueError as error:
        raise ValueError(msg) from error
    if any(head > MAX_BYTE for head in heads) or last > MAX_IPV4 >> (8 * len(heads)):
        raise ValueError(msg)
    return IPv4Address(sum(head << (24 - 8 * index) for index, head in enumerate(heads)) + last)


def _c_integer(label: str) -> int:
    if label.startswith("0x"):
        return int(label, 16)
    return int(label, 8 if len(label) > 1 and label.startswith("0") else 10)
