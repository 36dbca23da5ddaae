"""The contract between the operator and the init container that fetches a model.

The operator renders a `FetchPlan` into the environment variable `TRIMTAB_FETCH_PLAN`; the container answers with a
`FetchReport` in its termination message and an exit code: 0 fetched, 1 failed and worth another try, 2 failed until
somebody changes the model, its source or its credentials.
"""

import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from trimtab.api.addresses import NetworkRules, parse_endpoint
from trimtab.api.model_uri import ModelUri, OciImage, UriScheme, parse_model_uri, parse_oci_image
from trimtab.api.wire import Sha256, Wire

__all__ = [
    "CREDENTIAL_VARIABLES",
    "FETCH_PLAN_VARIABLE",
    "TERMINATION_LOG_VARIABLE",
    "CodeConsent",
    "FetchFailureReason",
    "FetchLimits",
    "FetchOutcome",
    "FetchPlan",
    "FetchReport",
    "FetchSeconds",
    "FetchSource",
    "ModelUri",
    "NetworkRules",
    "OciImage",
    "UriScheme",
    "WarmUp",
    "parse_fetch_report",
    "parse_model_uri",
    "parse_oci_image",
]

FETCH_PLAN_VARIABLE = "TRIMTAB_FETCH_PLAN"
CREDENTIAL_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON",  # the key file's content: a Secret arrives as environment, not as a file
    "HF_ENDPOINT",
    "HF_TOKEN",
    "HTTP_BEARER_TOKEN",
    "HTTP_PASSWORD",
    "HTTP_USERNAME",
)
"""The keys of a credentials Secret that the container reads, each as an environment variable of the same name."""

TERMINATION_LOG_VARIABLE = "TRIMTAB_TERMINATION_LOG"
DEFAULT_TERMINATION_LOG = "/dev/termination-log"
MAX_REPORT_BYTES = 4096  # what a kubelet keeps of one container's termination message
MAX_PATH_LENGTH = 1024
MAX_NAME_BYTES = 255  # what a Linux file system allows one name
DEFAULT_TARGET = "/models"
DEFAULT_MAX_BYTES = 512 * 2**30  # 512 GiB: above the largest checkpoints served on one node
DEFAULT_MAX_FILES = 10_000

CodeConsent = Literal["Refuse", "Allow"]
"""Whether a model may be one whose files are programs; an enumeration, as a third answer may come."""

WarmUp = Literal["None", "ZeroData"]
"""With what requests Triton warms a model up before it is ready; an enumeration, as other data may come."""

TritonModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$")]


class FetchFailureReason(StrEnum):
    """Why a model could not be fetched; `retryable` tells whether the same plan may succeed later."""

    INVALID_PLAN = "InvalidPlan"
    ADDRESS_REFUSED = "AddressRefused"
    SOURCE_NOT_FOUND = "SourceNotFound"
    SOURCE_UNREACHABLE = "SourceUnreachable"
    CREDENTIALS_REFUSED = "CredentialsRefused"
    INTERRUPTED = "Interrupted"
    TOO_LARGE = "TooLarge"
    DISK_FULL = "DiskFull"
    DIGEST_MISMATCH = "DigestMismatch"
    UNSAFE_PATH = "UnsafePath"
    UNSUPPORTED_LAYOUT = "UnsupportedLayout"
    INVALID_MODEL_CONFIG = "InvalidModelConfig"
    CODE_REFUSED = "CodeRefused"
    INTERNAL_ERROR = "InternalError"

    @property
    def retryable(self) -> bool:
        """Whether trying again without any change may help."""
        return self in RETRYABLE


RETRYABLE = frozenset(
    {
        FetchFailureReason.SOURCE_UNREACHABLE,
        FetchFailureReason.INTERRUPTED,
        FetchFailureReason.DISK_FULL,
        FetchFailureReason.INTERNAL_ERROR,
    }
)


class FetchOutcome(StrEnum):
    """How a fetch ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class FetchSource(Wire):
    """Where the model is: a `uri` to download, or a `path` at which a volume is mounted, and a `sub_path` below it."""

    uri: Annotated[str, Field(max_length=1024)] | None = None
    path: Annotated[str, Field(max_length=512)] | None = None
    sub_path: Annotated[str, Field(max_length=512)] | None = None

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str | None) -> str | None:
        if path is not None and (not path.startswith("/") or ".." in path.split("/")):
            raise ValueError(f"path {path!r} must be absolute and without '..'")
        return path

    @field_validator("sub_path")
    @classmethod
    def _relative(cls, sub_path: str | None) -> str | None:
        if sub_path is not None and not is_safe_relative_path(sub_path):
            raise ValueError(f"subPath {sub_path!r} must be a relative path without empty, '.' or '..' segments")
        return sub_path

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.uri is None) == (self.path is None):
            raise ValueError("exactly one of uri and path must be given")
        if self.sub_path is not None and self.path is None:
            raise ValueError("subPath needs path; put a folder of a uri into the uri")
        return self


class FetchLimits(Wire):
    """The largest model that is fetched: bytes on disk, number of files."""

    max_bytes: Annotated[int, Field(ge=1)] = DEFAULT_MAX_BYTES
    max_files: Annotated[int, Field(ge=1)] = DEFAULT_MAX_FILES


class FetchPlan(Wire):
    """What the init container is to do.

    `config` is what the operator wants in Triton's config.pbtxt, as a ModelConfig in protobuf's JSON form; fields that
    the model's own file sets win over it. `digest` is compared with the one of what was fetched (see `FetchReport`).
    `code` is the pool's consent to models whose files are programs, `warm_up` what Triton sends to it first.
    Credentials are no part of it: they reach the container by reference, in the environment.
    """

    model: TritonModelName
    source: FetchSource
    digest: Sha256 | None = None
    code: CodeConsent = "Refuse"
    warm_up: WarmUp = "None"
    target: Annotated[str, Field(max_length=512, pattern=r"^/")] = DEFAULT_TARGET
    config: dict[str, Any] = Field(default_factory=dict)
    limits: FetchLimits = FetchLimits()
    allow_private_addresses: bool = False
    allowed_endpoints: tuple[Annotated[str, Field(max_length=260)], ...] = ()

    @field_validator("allowed_endpoints")
    @classmethod
    def _one_notation(cls, endpoints: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({parse_endpoint(text) for text in endpoints}))

    @property
    def network_rules(self) -> NetworkRules:
        """The addresses that may be contacted beside public ones."""
        return NetworkRules(
            allow_private_addresses=self.allow_private_addresses, allowed_endpoints=frozenset(self.allowed_endpoints)
        )

    def to_environment(self) -> str:
        """Return the plan as the environment carries it: the same plan, the same text, so no pod rolls for nothing."""
        values = self.model_dump(by_alias=True, mode="json", exclude_defaults=True)
        return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class FetchSeconds(Wire):
    """How long each phase of a fetch took, in seconds."""

    listing: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    download: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    verify: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    assemble: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class FetchReport(Wire):
    r"""How a fetch went, as the termination message carries it.

    `digest` is `sha256:` and, for a single file or an archive, the SHA-256 of its bytes as `sha256sum FILE` prints it;
    for a folder, what this prints in it:

        find -L . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum

    It is absent for a mounted volume unless the plan asked for one. `message` says what, where and what next of a
    failure; `notes` say what of the operator's configuration was left out, and why.
    """

    outcome: FetchOutcome
    reason: FetchFailureReason | None = None
    message: str = ""
    digest: Sha256 | None = None
    bytes: Annotated[int, Field(ge=0)] = 0
    files: Annotated[int, Field(ge=0)] = 0
    seconds: FetchSeconds = FetchSeconds()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _reason_of_failure(self) -> Self:
        if (self.outcome is FetchOutcome.FAILED) == (self.reason is None):
            raise ValueError("a failed fetch has a reason, a successful one has none")
        return self

    @property
    def exit_code(self) -> int:
        """0 fetched, 1 failed and retryable, 2 failed until something is changed."""
        if self.reason is None:
            return 0
        return 1 if self.reason.retryable else 2

    def to_termination_message(self) -> str:
        """Return the report as JSON of at most 4 KiB; a long message or list of notes is cut."""
        fits = self.model_copy(update={"notes": tuple(one_line(note)[:200] for note in self.notes[:4])})
        text = one_line(self.message)
        for length in (len(text), 2000, 1000, 500):  # characters; 500 of four bytes and the rest stay below 4096
            shown = text if len(text) <= length else text[: length - 3] + "..."
            encoded = fits.model_copy(update={"message": shown}).model_dump_json(by_alias=True, exclude_none=True)
            if len(encoded.encode()) <= MAX_REPORT_BYTES:
                return encoded
        return fits.model_copy(update={"message": text[:300], "notes": ()}).model_dump_json(
            by_alias=True, exclude_none=True
        )


def parse_fetch_report(text: str | None) -> FetchReport | None:
    """Return the report in a termination message, None where it is no such report (a killed container leaves none)."""
    if not text or len(text.encode(errors="replace")) > MAX_REPORT_BYTES:
        return None
    try:
        return FetchReport.model_validate_json(text)
    except ValidationError:
        return None


def is_safe_relative_path(path: str) -> bool:
    """Tell whether a path names something below a folder in every reader's eyes, and fits a Linux file system."""
    if len(path) > MAX_PATH_LENGTH or "\\" in path or not path.isprintable():
        return False
    return all(
        segment not in {"", ".", ".."} and len(segment.encode()) <= MAX_NAME_BYTES for segment in path.split("/")
    )


def one_line(text: str) -> str:
    """Return a text with every run of whitespace and unprintable characters as one space."""
    return re.sub(r"\s+", " ", "".join(char if char.isprintable() else " " for char in text)).strip()
