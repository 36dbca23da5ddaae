"""What the administrator sets: environment variables, read once; a bad one is refused with what to write instead."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.app.metric_sources import read_sources
from trimtab.render.settings import FetchResources, PodSettings, RenderSettings

T = TypeVar("T")

PREFIX = "TRIMTAB_"
MAX_PORT = 65_535


class SettingsError(Exception):
    """A setting cannot be used; `str()` says which, why, and what to write."""


@dataclass(frozen=True)
class Address:
    """Where a server of ours listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class PricesSetting:
    """Where the price list is, and whose prices of it count here, as provider/region."""

    path: Path
    place: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of them. `namespace` is where the operator keeps what is its own.

    `prometheus` is asked for whoever names no source, `prometheus_sources` for those who do. `pod_readings` tells that
    pods' own metrics pages are read as well, between two ticks.
    """

    namespace: str
    render: RenderSettings
    probes: Address
    metrics: Address
    writes_per_second: int
    log_format: str
    prometheus: PrometheusConfig | None
    prometheus_sources: Mapping[str, PrometheusConfig] = field(default_factory=dict)
    pod_readings: bool = False
    prices: PricesSetting | None = None


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings in an environment.

    Raises:
        SettingsError: one is missing or cannot be read.
    """
    read = _Reader(environment)
    read.refuse_unknown()
    return Settings(
        namespace=read.text("NAMESPACE", "trimtab-system"),
        render=RenderSettings(
            pod=_pod_settings(read),
            scraper_namespace=read.text("METRICS_SCRAPER_NAMESPACE", "monitoring") or None,
            scraper_labels=read.parsed("METRICS_SCRAPER_LABELS", "", _labels, "key=value,key=value"),
            operator_namespace=read.text("NAMESPACE", "trimtab-system") if _pod_readings(read) else None,
            image_volumes=read.choice("IMAGE_VOLUMES", ("Enabled", "Disabled")) == "Enabled",
        ),
        probes=read.parsed("PROBES_ADDRESS", "0.0.0.0:8080", _address, "host:port, such as 0.0.0.0:8080"),
        metrics=read.parsed("METRICS_ADDRESS", "0.0.0.0:9090", _address, "host:port, such as 0.0.0.0:9090"),
        writes_per_second=read.parsed("WRITES_PER_SECOND", "400", _positive, "a whole number above 0, such as 400"),
        log_format=read.choice("LOG_FORMAT", ("json", "text")),
        prometheus=_prometheus(read),
        prometheus_sources=_prometheus_sources(read),
        pod_readings=_pod_readings(read),
        prices=_prices(read),
    )


def pod_settings(environment: Mapping[str, str]) -> RenderSettings:
    """Return what rendering alone needs: for `trimtab render`, which has defaults for the images."""
    return offline_settings(environment).render


def offline_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of a command that needs no cluster: there are defaults for the images."""
    defaults = {
        f"{PREFIX}TRITON_IMAGE": "nvcr.io/nvidia/tritonserver:26.07-py3",
        f"{PREFIX}RUNTIME_IMAGE": "ghcr.io/trimtab/runtime:0.1.0",
    }
    return from_environment({**defaults, **environment})


@dataclass(frozen=True)
class _Reader:
    environment: Mapping[str, str]

    def refuse_unknown(self) -> None:
        """Refuse a variable with our prefix that nobody reads: it is a spelling mistake."""
        unknown = sorted(
            name for name in self.environment if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in KNOWN
        )
        if unknown:
            known = ", ".join(PREFIX + name for name in KNOWN)
            raise SettingsError(f"{', '.join(unknown)}: there is no such setting; there are {known}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.environment.get(PREFIX + name, default)
        if value is None:
            raise SettingsError(f"{PREFIX}{name} is not set; config/manager/deployment.yaml shows what it is for")
        return value.strip()

    def choice(self, name: str, values: tuple[str, ...]) -> str:
        value = self.text(name, values[0])
        if value not in values:
            raise SettingsError(f"{PREFIX}{name}={value!r}: write {' or '.join(values)}")
        return value

    def parsed(self, name: str, default: str, parse: Callable[[str], T], form: str) -> T:
        value = self.text(name, default)
        try:
            return parse(value)
        except ValueError:
            raise SettingsError(f"{PREFIX}{name}={value!r}: write {form}") from None


def _pod_readings(read: _Reader) -> bool:
    """Tell whether pods are read: only beside a Prometheus, which knows what their numbers were before."""
    measures = read.text("PROMETHEUS_URL", "") or read.text("PROMETHEUS_SOURCES", "")
    return read.choice("POD_READINGS", ("Enabled", "Disabled")) == "Enabled" and bool(measures)


def _prometheus(read: _Reader) -> PrometheusConfig | None:
    url = read.text("PROMETHEUS_URL", "")
    token, authority = read.text("PROMETHEUS_TOKEN_FILE", ""), read.text("PROMETHEUS_CA_FILE", "")
    if not url:
        return None
    try:
        return PrometheusConfig(
            url=url,
            bearer_token_file=Path(token) if token else None,
            ca_file=Path(authority) if authority else None,
        )
    except ValueError as error:
        raise SettingsError(f"{PREFIX}PROMETHEUS_URL: {error}") from None


def _prometheus_sources(read: _Reader) -> dict[str, PrometheusConfig]:
    try:
        return read_sources(read.text("PROMETHEUS_SOURCES", ""))
    except ValueError as error:
        raise SettingsError(f"{PREFIX}PROMETHEUS_SOURCES: {error}") from None


def _prices(read: _Reader) -> PricesSetting | None:
    path = read.text("PRICES", "")
    place = read.parsed("PRICES_FOR", "", _place, "provider/region, such as aws/us-east-1")
    if place and not path:
        raise SettingsError(f"{PREFIX}PRICES_FOR={place!r} needs {PREFIX}PRICES, the path of the price list")
    return PricesSetting(Path(path), place) if place else None


def _pod_settings(read: _Reader) -> PodSettings:
    variables = {
        "triton_image": "TRITON_IMAGE",
        "runtime_image": "RUNTIME_IMAGE",
        "allow_private_addresses": "ALLOW_PRIVATE_ADDRESSES",
        "allowed_endpoints": "ALLOWED_ENDPOINTS",
        "cpu_request": "FETCH_CPU_REQUEST",
        "memory_request": "FETCH_MEMORY_REQUEST",
        "memory_limit": "FETCH_MEMORY_LIMIT",
    }
    amounts = FetchResources()
    try:
        return PodSettings(
            triton_image=read.text("TRITON_IMAGE"),
            runtime_image=read.text("RUNTIME_IMAGE"),
            fetch_resources=FetchResources(
                cpu_request=read.text("FETCH_CPU_REQUEST", amounts.cpu_request),
                memory_request=read.text("FETCH_MEMORY_REQUEST", amounts.memory_request),
                memory_limit=read.text("FETCH_MEMORY_LIMIT", amounts.memory_limit),
            ),
            allow_private_addresses=read.choice("ALLOW_PRIVATE_ADDRESSES", ("Never", "Always")) == "Always",
            allowed_endpoints=read.parsed("ALLOWED_ENDPOINTS", "", _listed, "host:port,host:port"),
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = PREFIX + variables.get(str(fault["loc"][0]), str(fault["loc"][0]))
        raise SettingsError(f"{name}={fault['input']!r}: {fault['msg']}") from None


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not 0 <= int(port) <= MAX_PORT:
        raise ValueError(text)
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def _place(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", text):
        raise ValueError(text)
    return text


def _labels(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in _listed(text)]
    if not all(key and sign for key, sign, _ in pairs):
        raise ValueError(text)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


KNOWN = (
    "NAMESPACE",
    "TRITON_IMAGE",
    "RUNTIME_IMAGE",
    "METRICS_SCRAPER_NAMESPACE",
    "METRICS_SCRAPER_LABELS",
    "IMAGE_VOLUMES",
    "ALLOW_PRIVATE_ADDRESSES",
    "ALLOWED_ENDPOINTS",
    "FETCH_CPU_REQUEST",
    "FETCH_MEMORY_REQUEST",
    "FETCH_MEMORY_LIMIT",
    "PROBES_ADDRESS",
    "METRICS_ADDRESS",
    "WRITES_PER_SECOND",
    "LOG_FORMAT",
    "PROMETHEUS_URL",
    "PROMETHEUS_TOKEN_FILE",
    "PROMETHEUS_CA_FILE",
    "PROMETHEUS_SOURCES",
    "POD_READINGS",
    "PRICES",
    "PRICES_FOR",
)
