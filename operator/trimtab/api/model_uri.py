"""The addresses of models: a URI of five schemes, and an OCI image reference.

Both are read strictly and by hand: the standard library's URL parser drops tabs and newlines, accepts backslashes and
mixed case, and so lets two readers see two different addresses in one text.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from trimtab.api.addresses import MAX_PORT, NetworkRules, refuse_host, shown

MAX_URI_LENGTH = 1024
MAX_DECODINGS = 4  # a path that is still encoded after four rounds is an attempt to hide something

NO_PRIVATE_ADDRESSES = NetworkRules()


class UriScheme(StrEnum):
    """The schemes a model can be fetched by."""

    S3 = "s3"
    GS = "gs"
    HTTP = "http"
    HTTPS = "https"
    HF = "hf"


DEFAULT_PORTS = {UriScheme.HTTP: 80, UriScheme.HTTPS: 443}

SPLIT = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?")
ALLOWED_TEXT = re.compile(r"[!-~]+")
FORBIDDEN = frozenset('\\"<>^`{|}#')
BUCKETS = {
    UriScheme.S3: re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    UriScheme.GS: re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
}
IPV4_SHAPE = re.compile(r"[0-9]+(\.[0-9]+){3}")
HF_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
HF_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
PORT = re.compile(r"[1-9][0-9]{0,4}")

OCI_REGISTRY = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?"
)
OCI_COMPONENT = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
OCI_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
SHA256_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MAX_OCI_NAME_LENGTH = 255


@dataclass(frozen=True, kw_only=True)
class ModelUri:
    """A model's address, in parts that mean one thing only.

    `authority` is the bucket (s3, gs), the host as written (http, https) or `organisation/name` (hf). `path` is what
    follows, without its leading slash: a key or key prefix, the URL's path still percent-encoded, or a folder of the
    hub repository. It ends in a slash where the user said that it is a folder. `port` is of http(s) only, `revision`
    of hf only.
    """

    scheme: UriScheme
    authority: str
    path: str = ""
    port: int | None = None
    query: str | None = None
    revision: str | None = None

    @property
    def shown(self) -> str:
        """The address for messages and logs: without its query, where signatures live."""
        port = f":{self.port}" if self.port is not None and self.port != DEFAULT_PORTS.get(self.scheme) else ""
        revision = f"@{self.revision}" if self.revision is not None else ""
        return f"{self.scheme}://{self.authority}{port}{revision}" + (f"/{self.path}" if self.path else "")


@dataclass(frozen=True, kw_only=True)
class OciImage:
    """An image reference in parts; `registry` is None where the node's default applies."""

    registry: str | None
    repository: str
    tag: str | None = None
    digest: str | None = None


def parse_model_uri(text: str, rules: NetworkRules = NO_PRIVATE_ADDRESSES) -> ModelUri:
    """Return the parts of a model's URI.

    Raises:
        ValueError: says what is wrong with which text, and what to write instead.
    """
    try:
        return _parse(text, rules)
    except ValueError as error:
        raise ValueError(f"model URI {shown(_without_secrets(text))}: {error}") from None


def parse_oci_image(text: str) -> OciImage:
    """Return the parts of an OCI image reference `[registry[:port]/]repository[:tag][@sha256:...]`.

    Raises:
        ValueError: says what is wrong with which text, and what to write instead.
    """
    rest, at, digest = text.partition("@")
    if at and not SHA256_DIGEST.fullmatch(digest):
        raise _image_error(text, "the part after '@' must be sha256: and 64 hexadecimal digits in lower case")
    head, slash, tail = rest.partition("/")
    has_registry = bool(slash) and ("." in head or ":" in head or head == "localhost")
    registry, path = (head, tail) if has_registry else (None, rest)
    if registry is not None and not OCI_REGISTRY.fullmatch(registry):
        raise _image_error(text, f"registry {shown(registry)} must be a host name, perhaps with a port")
    name, colon, tag = path.partition(":")
    if colon and not OCI_TAG.fullmatch(tag):
        raise _image_error(text, f"tag {shown(tag)} must be up to 128 letters, digits, '.', '_' or '-'")
    if len(name) > MAX_OCI_NAME_LENGTH or not all(OCI_COMPONENT.fullmatch(part) for part in name.split("/")):
        raise _image_error(
            text,
            f"repository {shown(name)} must be lower-case words of letters and digits joined by '.', '_', '-' or '/'",
        )
    return OciImage(registry=registry, repository=name, tag=tag or None, digest=digest or None)


def _without_secrets(text: str) -> str:
    """Return an address without its query, where signatures live, and without a name and password."""
    return re.sub(r"//[^/]*@", "//...@", text.partition("?")[0], count=1)


def _image_error(text: str, problem: str) -> ValueError:
    return ValueError(f"image {shown(text)}: {problem}")


def _parse(text: str, rules: NetworkRules) -> ModelUri:
    match = _split(text)
    written = match["scheme"]
    try:
        scheme = UriScheme(written)
    except ValueError:
        known = ", ".join(f"{known}://" for known in UriScheme)
        hint = "write the scheme in lower case" if written != written.lower() else f"use one of {known}"
        raise ValueError(f"scheme {written!r} is not supported; {hint}") from None
    authority, path, query = match["authority"], match["path"] or "", match["query"]
    if "@" in authority:
        raise ValueError("a name or password before '@' is not allowed; put credentials into a Secret and name it")
    if query is not None and scheme not in DEFAULT_PORTS:
        raise ValueError(f"'?' has no meaning in {scheme}://; remove it")
    _check_path(path)
    if scheme in BUCKETS:
        return _bucket_uri(scheme, authority, path)
    if scheme is UriScheme.HF:
        return _hub_uri(authority, path)
    return _web_uri(scheme, authority, path, query, rules)


def _split(text: str) -> re.Match[str]:
    if not 1 <= len(text) <= MAX_URI_LENGTH:
        raise ValueError(f"must have 1 to {MAX_URI_LENGTH} characters")
    if not ALLOWED_TEXT.fullmatch(text) or FORBIDDEN & set(text):
        raise ValueError(
            "holds a space, a control character, a character outside ASCII, or one of " + " ".join(sorted(FORBIDDEN))
        )
    match = SPLIT.fullmatch(text)
    if match is None:
        raise ValueError("is not scheme://...; for example s3://bucket/folder or https://host/model.onnx")
    return match


def _check_path(path: str) -> None:
    """Refuse a path that has, or hides behind percent-encoding, a segment that moves elsewhere."""
    seen = path
    for _ in range(MAX_DECODINGS):
        inner = seen.removeprefix("/").removesuffix("/")
        if seen == "//" or (inner and any(segment in {"", ".", ".."} for segment in inner.split("/"))):
            raise ValueError(
                "the path has an empty, '.' or '..' segment (perhaps percent-encoded); write the plain path"
            )
        if "\\" in seen or not seen.isprintable():
            raise ValueError(
                "the path hides a backslash or a control character behind percent-encoding; write the plain path"
            )
        if re.search(r"%(?![0-9A-Fa-f]{2})", seen):
            raise ValueError("'%' must be followed by two hexadecimal digits; write a literal percent sign as %25")
        decoded = unquote(seen, errors="replace")
        if decoded == seen:
            return
        seen = decoded
    raise ValueError(f"the path is percent-encoded more than {MAX_DECODINGS - 1} times; write the plain path")


def _bucket_uri(scheme: UriScheme, bucket: str, path: str) -> ModelUri:
    if not BUCKETS[scheme].fullmatch(bucket) or ".." in bucket or IPV4_SHAPE.fullmatch(bucket):
        raise ValueError(f"{bucket!r} is not a bucket name; write {scheme}://bucket/folder")
    key = path.removeprefix("/")
    if not key:
        raise ValueError(f"names a whole bucket; add the model's folder or file: {scheme}://{bucket}/folder")
    return ModelUri(scheme=scheme, authority=bucket, path=key)


def _hub_uri(organisation: str, path: str) -> ModelUri:
    repository, _, folder = path.removeprefix("/").partition("/")
    name, at, revision = repository.partition("@")
    for part in (organisation, name):
        if not HF_NAME.fullmatch(part) or ".." in part or "--" in part:
            raise ValueError(
                f"{part!r} is not a name of the hub; write hf://organisation/name, hf://organisation/name@revision/folder"
            )
    if at and not HF_REVISION.fullmatch(revision):
        raise ValueError(f"revision {revision!r} must be a branch, tag or commit of letters, digits, '.', '_' and '-'")
    return ModelUri(scheme=UriScheme.HF, authority=f"{organisation}/{name}", path=folder, revision=revision or None)


def _web_uri(scheme: UriScheme, authority: str, path: str, query: str | None, rules: NetworkRules) -> ModelUri:
    host, colon, port_text = authority, "", ""
    if not authority.endswith("]"):
        host, colon, port_text = _split_port(authority)
    if colon and (not PORT.fullmatch(port_text) or int(port_text) > MAX_PORT):
        raise ValueError(f"port {port_text!r} must be a number from 1 to {MAX_PORT}")
    port = int(port_text) if colon else DEFAULT_PORTS[scheme]
    problem = refuse_host(host, port, rules)
    if problem is not None:
        raise ValueError(problem)
    key = path.removeprefix("/")
    if not key or key.endswith("/"):
        raise ValueError(
            "must name a file: a model file or a .tar, .tar.gz or .zip archive; a web server's folders cannot be listed"
        )
    return ModelUri(scheme=scheme, authority=host, path=key, port=port, query=query)


def _split_port(authority: str) -> tuple[str, str, str]:
    host, colon, port = authority.rpartition(":")
    return (host, colon, port) if colon else (authority, "", "")
