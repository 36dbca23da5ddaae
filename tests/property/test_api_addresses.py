"""Laws of reading addresses, whatever is written."""

import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from hypothesis import assume, example, given, strategies as st

from trimtab.api.addresses import (
    AddressKind,
    NetworkRules,
    classify_address,
    parse_endpoint,
    parse_host,
    refuse_address,
    refuse_host,
)
from trimtab.api.model_uri import parse_model_uri, parse_oci_image

T = TypeVar("T")
NOBODY = NetworkRules()

NOTATIONS = (str, hex, oct, "{:#06x}".format, "0{:o}".format, "00{:o}".format, "{:03d}".format, "{:#X}".format)
part = st.builds(
    lambda write, number: write(number), st.sampled_from(NOTATIONS), st.integers(0, 2**33) | st.integers(0, 300)
)
ipv4_like = st.lists(part, min_size=1, max_size=5).map(".".join)
host_like = st.text(alphabet=".0123456789abcdefxABCDEFX-_[]:%@", max_size=40) | ipv4_like | st.text(max_size=60)
uri_like = st.builds(
    lambda scheme, host, path: f"{scheme}{host}{path}",
    st.sampled_from(["http://", "https://", "s3://", "gs://", "hf://", "HTTP://", "file://", "http:", "//", ""]),
    host_like,
    st.text(alphabet="/.%25eEfF\\?#@:a\x00\n\u2025", max_size=30),
)


def read(parse: Callable[[str], T], text: str) -> T | str:
    """Return what a reader makes of a text, or the words of its ValueError; anything else is a failure."""
    try:
        return parse(text)
    except ValueError as error:
        return str(error)


def parse_or_none(text: str) -> IPv4Address | IPv6Address | str | None:
    """Return the host, None where there is none."""
    try:
        return parse_host(text)
    except ValueError:
        return None


def as_inet_aton(text: str) -> IPv4Address | None:
    """Return the IPv4 address that the C library reads; it also reads `127.0.0.1 and more`, which no host name is."""
    try:
        return IPv4Address(socket.inet_aton(text)) if re.fullmatch("[0-9a-fA-FxX.]+", text) else None
    except OSError:
        return None


def is_one_ascii_line(message: str) -> bool:
    """Tell whether a condition or a log can show a message as it is."""
    return message.isascii() and message.isprintable() and len(message) < 4_000


@given(host_like)
@example("0x")
@example("1.0x.1.1")
@example("017700000001")
@example("127.0.0.1.")
def test_an_ipv4_notation_means_what_the_resolver_takes_it_for(text: str) -> None:
    """What is read as an IPv4 address is what inet_aton makes of it; what inet_aton reads is never taken for a name."""
    host = parse_or_none(text)

    if host is not None and not text.startswith("["):
        assert (host if isinstance(host, IPv4Address) else None) == as_inet_aton(text.removesuffix("."))


@given(ipv4_like)
def test_no_notation_hides_an_address_that_is_not_public(text: str) -> None:
    """What inet_aton reads as an address inside a network is refused, however it is written."""
    address = as_inet_aton(text)
    assume(address is not None)
    assert address is not None

    assert classify_address(address) is AddressKind.PUBLIC or refuse_host(text, 80, NOBODY) is not None


@given(st.ip_addresses())
def test_an_address_is_refused_however_it_is_wrapped(address: IPv4Address | IPv6Address) -> None:
    """Mapped into IPv6 or through NAT64, an IPv4 address is judged as itself."""
    if isinstance(address, IPv4Address):
        for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}"):
            assert classify_address(IPv6Address(wrapped)) is classify_address(address)
    refused = refuse_address(address, 80, NOBODY)
    assert (refused is None) == (classify_address(address) is AddressKind.PUBLIC)
    plain = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    assert (refuse_host(plain, 80, NOBODY) is None) <= (refused is None)
    assert refused is None or is_one_ascii_line(refused)


@given(host_like, st.booleans())
def test_judging_a_host_never_fails(text: str, private: bool) -> None:  # noqa: FBT001 - Hypothesis draws it
    """The answer is None, or one line that can be shown."""
    refused = refuse_host(text, 443, NetworkRules(allow_private_addresses=private))

    assert refused is None or is_one_ascii_line(refused)


@given(uri_like | st.text(max_size=80))
def test_reading_a_uri_ends_in_parts_or_in_one_line(text: str) -> None:
    """Nothing but ValueError is raised; what is read can be shown, and read again with the same meaning."""
    uri = read(parse_model_uri, text)

    assert is_one_ascii_line(uri if isinstance(uri, str) else uri.shown)
    assert isinstance(uri, str) or parse_model_uri(uri.shown).path == uri.path


@given(st.text(max_size=300) | st.text(alphabet="aA0./:@_-sh256", max_size=40))
def test_reading_an_image_ends_in_parts_or_in_one_line(text: str) -> None:
    """Nothing but ValueError is raised, and the parts give the text again."""
    image = read(parse_oci_image, text)

    if isinstance(image, str):
        assert is_one_ascii_line(image)
        return
    registry = f"{image.registry}/" if image.registry else ""
    tag = f":{image.tag}" if image.tag else ""
    digest = f"@{image.digest}" if image.digest else ""
    assert registry + image.repository + tag + digest == text


@given(host_like, st.integers(-1, 70_000))
def test_an_endpoint_read_twice_is_the_same(host: str, port: int) -> None:
    """`host:port` has one notation; what is none raises ValueError alone."""
    once = read(parse_endpoint, f"{host}:{port}")

    assert " " in once or read(parse_endpoint, once) == once
