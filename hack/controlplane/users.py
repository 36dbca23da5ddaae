"""The people and programs of a plane: static tokens, groups, kubeconfigs, and the key that signs account tokens."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SERVICE_ACCOUNT_GROUPS = ("system:serviceaccounts", "system:authenticated")


@dataclass(frozen=True)
class User:
    """Somebody whom the API server knows by a static token.

    `name` is ours, for `kubeconfig_for`; `username` and `groups` are what RBAC and the audit log see.
    """

    name: str
    username: str
    groups: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


def service_account(name: str, namespace: str, account: str) -> User:
    """Return a user that the API server takes for the service account `namespace`/`account`."""
    groups = (*SERVICE_ACCOUNT_GROUPS, f"system:serviceaccounts:{namespace}")
    return User(name, f"system:serviceaccount:{namespace}:{account}", groups)


def people() -> tuple[User, ...]:
    """Return the users of a fresh plane, with new tokens: an admin, the operator, three tenants, the components."""
    return (
        User("admin", "admin", ("system:masters",)),
        service_account("trimtab-operator", "trimtab-system", "trimtab-operator"),
        User("tenant-a", "tenant-a", ("tenants",)),
        User("tenant-b", "tenant-b", ("tenants",)),
        User("tenant-c", "tenant-c", ("tenants",)),
        User("controller-manager", "system:kube-controller-manager"),
        User("scheduler", "system:kube-scheduler"),
        User("kwok", "kwok", ("system:masters",)),
        User("prometheus", "prometheus"),
    )


def token_file(users: Iterable[User]) -> str:
    """Return the users as the API server's `--token-auth-file` wants them: token,user,uid,"group,group"."""
    return "".join(f'{user.token},{user.username},{user.username},"{",".join(user.groups)}"\n' for user in users)


def kubeconfig(server: str, certificate_authority: Path, token: str) -> str:
    """Return a kubeconfig (JSON, which is YAML) for the API server at `server`."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "controlplane",
            "clusters": [
                {
                    "name": "controlplane",
                    "cluster": {"server": server, "certificate-authority": str(certificate_authority)},
                }
            ],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "controlplane", "context": {"cluster": "controlplane", "user": "user"}}],
        },
        indent=2,
    )


# SEQUENCE { INTEGER 1, OCTET STRING of 32 bytes, [0] { OBJECT IDENTIFIER prime256v1 } }, after RFC 5915
_EC_HEAD = bytes.fromhex("30310201010420")
_EC_TAIL = bytes.fromhex("a00a06082a8648ce3d030107")


def signing_key() -> str:
    """Return a fresh P-256 private key in PEM, for service account tokens; the server derives the public half."""
    # The curve's order begins with 32 one bits: 31 random bytes are always below it, and 248 bits are plenty here.
    scalar = b"\x00" + secrets.token_bytes(31)
    text = base64.encodebytes(_EC_HEAD + scalar + _EC_TAIL).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"
