"""Which network addresses a model may come from, beside the corpus in `test_model_uri.py`."""

from ipaddress import ip_address

import pytest

from trimtab.api.addresses import (
    AddressKind,
    NetworkRules,
    classify_address,
    endpoint,
    is_below,
    parse_endpoint,
    parse_host,
    refuse_address,
    refuse_host,
)

NOBODY = NetworkRules()
PRIVATE = NetworkRules(allow_private_addresses=True)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.1.1.1", AddressKind.PUBLIC),
        ("2606:4700::1", AddressKind.PUBLIC),
        ("64:ff9b::1.1.1.1", AddressKind.PUBLIC),
        ("::ffff:1.1.1.1", AddressKind.PUBLIC),
        ("10.255.255.255", AddressKind.PRIVATE),
        ("172.32.0.1", AddressKind.PUBLIC),
        ("100.128.0.1", AddressKind.PUBLIC),
        ("fdff::1", AddressKind.PRIVATE),
        ("127.1.2.3", AddressKind.LOOPBACK),
        ("::1", AddressKind.LOOPBACK),
        ("::ffff:127.0.0.1", AddressKind.LOOPBACK),
        ("64:ff9b::127.0.0.1", AddressKind.LOOPBACK),
        ("169.254.1.1", AddressKind.LINK_LOCAL),
        ("fe80::1", AddressKind.LINK_LOCAL),
        ("169.254.169.254", AddressKind.METADATA),
        ("168.63.129.16", AddressKind.METADATA),
        ("100.100.100.200", AddressKind.METADATA),
        ("fd00:ec2::254", AddressKind.METADATA),
        ("fd00:c1::a9fe:a9fe", AddressKind.METADATA),
        ("0.0.0.1", AddressKind.RESERVED),
        ("::", AddressKind.RESERVED),
        ("::127.0.0.1", AddressKind.RESERVED),
        ("2002:7f00:1::", AddressKind.RESERVED),
        ("ff02::1", AddressKind.RESERVED),
        ("4000::1", AddressKind.RESERVED),
    ],
)
def test_an_address_is_classified(text: str, kind: AddressKind) -> None:
    """What an IPv6 address carries inside counts; a metadata service is one wherever it lives."""
    assert classify_address(ip_address(text)) is kind


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("0x7F.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("1.1.1.1.", "1.1.1.1"),
        ("[::ffff:10.0.0.1]", "10.0.0.1"),
        ("[2606:4700:0:0::1]", "2606:4700::1"),
        ("Host.Example.", "host.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_host-1.example", "my_host-1.example"),
        ("1.1.1.1.example", "1.1.1.1.example"),
    ],
)
def test_a_notation_means_one_host(text: str, means: str) -> None:
    """Addresses in any notation, and names in lower case without a final dot."""
    assert str(parse_host(text)) == means


@pytest.mark.parametrize("text", ["017.0.0.1", "0x1.1.1.1", "16843009", "1.1.1.1.", "1.257", "[::ffff:1.1.1.1]"])
def test_a_public_address_is_to_be_written_plainly(text: str) -> None:
    """Two readers may see two addresses in anything but the plain notation."""
    assert "write it plainly" in str(refuse_host(text, 80, NOBODY))


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "[::1]", "169.254.169.254", "[fe80::1]", "localhost", "a.localhost", "metadata", "metadata.x.svc"],
)
def test_private_addresses_never_open_the_machine_itself_or_its_metadata(text: str) -> None:
    """Those need an entry of their own."""
    problem = refuse_host(text, 80, PRIVATE)

    assert problem is not None
    allowed = NetworkRules(allowed_endpoints=frozenset({parse_endpoint(f"{text}:80")}))
    assert f"allow {next(iter(allowed.allowed_endpoints))} for models" in problem
    assert refuse_host(text, 80, allowed) is None
    assert refuse_host(text, 81, allowed) is not None


def test_what_a_name_resolves_to_is_judged_again() -> None:
    """`refuse_address` is asked of every address behind a name."""
    assert refuse_address(ip_address("1.1.1.1"), 443, NOBODY) is None
    assert refuse_address(ip_address("10.0.0.1"), 443, PRIVATE) is None
    assert str(refuse_address(ip_address("10.0.0.1"), 443, NOBODY)).startswith(
        "address 10.0.0.1 is not public (Private);"
    )
    allowed = NetworkRules(allowed_endpoints=frozenset({"[fe80::1]:443"}))
    assert refuse_address(ip_address("fe80::1"), 443, allowed) is None


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("MinIO.storage.svc.:9000", "minio.storage.svc:9000"),
        ("0x0a.1:80", "10.0.0.1:80"),
        ("[FD12:0::1]:443", "[fd12::1]:443"),
        ("host:00080", "host:80"),
    ],
)
def test_an_endpoint_has_one_notation(text: str, one: str) -> None:
    """However an administrator writes it, it is compared in one form."""
    assert parse_endpoint(text) == one


@pytest.mark.parametrize(
    "text", ["", "host", "host:", ":80", "host:0", "host:65536", "host:http", "::1:80", "a b:80", "h:\u0668"]
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    """The operator does not start with a rule that would never match."""
    with pytest.raises(ValueError, match=r"port from 1 to 65535|is not|must have"):
        parse_endpoint(text)


def test_an_endpoint_brackets_ipv6() -> None:
    """So its port can be told from the address."""
    assert endpoint(ip_address("::1"), 80) == "[::1]:80"
    assert endpoint("host", 80) == "host:80"


def test_a_name_is_below_itself_and_its_domains() -> None:
    """Whole labels count."""
    assert is_below("svc", "svc")
    assert is_below("a.svc", "svc")
    assert not is_below("asvc", "svc")
