"""The guard at the one door that every connection passes.

A host name is checked when it is read, but names resolve to other addresses later, servers redirect, and client
libraries ask metadata services for credentials. So the address itself is checked at the moment of the connection,
inside the process, for every library that opens a socket in Python: there is no time between check and use.
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from trimtab.api.addresses import NetworkRules, endpoint, parse_host, refuse_address, refuse_host
from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError

Lookup = Callable[..., Awaitable[list[Any]]]
"""What an event loop's `getaddrinfo` is."""

CONNECTING_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class AddressRefusedError(OSError):
    """A connection that the rules forbid; an OSError, since client libraries expect those from a socket."""


@dataclass(kw_only=True)
class ConnectionGuard:
    """Refuses connections to addresses that the rules do not allow, and remembers the first refusal.

    A host name among the allowed endpoints stands for the addresses that it has when it is needed.
    """

    rules: NetworkRules
    refusal: str | None = None
    _allowed_sockets: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    def install(self) -> None:
        """Check every connection of this process from now on; there is no way back."""
        sys.addaudithook(self._on_audit_event)

    def check(self, host: str, port: int) -> None:
        """Raise AddressRefusedError if this address (no name) may not be contacted at this port."""
        address = ip_address(host.partition("%")[0])
        problem = refuse_address(address, port, self.rules)
        if problem is None or (str(address), port) in self._allowed_sockets:
            return
        self._allowed_sockets = _resolve_allowed(self.rules)
        if (str(address), port) in self._allowed_sockets:
            return
        self.refusal = self.refusal or problem
        raise AddressRefusedError(problem)

    def _on_audit_event(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in CONNECTING_EVENTS:
            return
        match arguments:
            case (socket.SocketType(family=socket.AF_INET | socket.AF_INET6), (str(host), int(port), *_)):
                self.check(host, port)
            case (socket.SocketType(family=socket.AF_INET | socket.AF_INET6), address) if address is not None:
                raise AddressRefusedError(f"address {address!a} is in no known notation")
            case _:  # a Unix socket leads nowhere outside this container; a datagram without an address was connected
                return


@dataclass(frozen=True, kw_only=True)
class CheckedResolver(AbstractResolver):
    """Resolves names for aiohttp; a name with any refused address is refused as a whole.

    aiohttp connects to the addresses returned here and to no other, so what was checked is what is used. `lookup` is
    the event loop's own where none is given.
    """

    rules: NetworkRules
    lookup: Lookup | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name.

        Raises:
            AddressRefusedError: if one of them may not be contacted.
        """
        lookup = self.lookup or asyncio.get_running_loop().getaddrinfo
        found = await lookup(host, port, type=socket.SOCK_STREAM, family=family)
        results = []
        for address_family, _, protocol, _, socket_address in found:
            address = str(socket_address[0])
            problem = refuse_address(ip_address(address.partition("%")[0]), port, self.rules)
            if problem is not None and endpoint(parse_host(host), port) not in self.rules.allowed_endpoints:
                raise AddressRefusedError(f"host {host} resolves to a refused address: {problem}")
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=address_family,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return results

    async def close(self) -> None:
        """Do nothing: the resolver holds nothing."""


def check_endpoint(address: str, rules: NetworkRules, *, with_token: bool = False) -> None:
    """Raise FetchError if the address of a store or hub is no http(s) URL that may be contacted.

    A token is sent over plain http only to an endpoint that is allowed by name.
    """
    scheme, separator, rest = address.partition("://")
    authority = rest.partition("/")[0]
    host, colon, port_text = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if not colon:
        host, port_text = authority, {"http": "80", "https": "443"}.get(scheme, "")
    problem: str | None = "is not http(s)://host[:port]"
    if (
        separator
        and scheme in {"http", "https"}
        and "@" not in authority
        and port_text.isascii()
        and port_text.isdigit()
    ):
        problem = refuse_host(host, int(port_text), rules)
    if problem is not None:
        raise FetchError(Reason.ADDRESS_REFUSED, f"endpoint {address!a}: {problem}")
    if with_token and scheme == "http" and endpoint(parse_host(host), int(port_text)) not in rules.allowed_endpoints:
        raise FetchError(Reason.CREDENTIALS_REFUSED, f"endpoint {address!a} would get a token in clear; use https")


def refusal_behind(error: BaseException | None) -> AddressRefusedError | None:
    """Return the refused connection among the causes of an error, None if it has others."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        for cause in (error, getattr(error, "os_error", None)):
            if isinstance(cause, AddressRefusedError):
                return cause
        error = getattr(error, "kwargs", {}).get("error") or error.__cause__ or error.__context__
    return None


def _resolve_allowed(rules: NetworkRules) -> frozenset[tuple[str, int]]:
    allowed: set[tuple[str, int]] = set()
    for text in rules.allowed_endpoints:
        host, _, port = text.rpartition(":")
        try:
            found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except OSError:
            continue  # not known now: whoever needs it is refused, with a message that names the address
        allowed.update((str(ip_address(str(entry[4][0]).partition("%")[0])), int(port)) for entry in found)
    return frozenset(allowed)
