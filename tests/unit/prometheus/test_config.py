"""Which addresses of Prometheus are taken."""

import pytest

from trimtab.adapters.prometheus.config import PrometheusConfig


@pytest.mark.parametrize("url", ["http://prometheus.monitoring:9090", "https://host/tenant/prom/", "http://[::1]:9090"])
def test_addresses_are_taken(url: str) -> None:
    """With a path or without; a slash at the end makes no difference."""
    assert PrometheusConfig(url=url).address == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "prometheus:9090",
        "ftp://host",
        "http://",
        "http://host:0",
        "http://host:99999",
        "http://[::1",
        "file:///etc/x",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="write it as in http://prometheus"):
        PrometheusConfig(url=url)


@pytest.mark.parametrize(
    "url", ["http://me:secret@host", "http://me@host", "http://host/?token=secret", "http://host#secret"]
)
def test_secrets_in_an_address_are_refused_and_not_repeated(url: str) -> None:
    """An address stands in messages; what is secret goes into a file."""
    with pytest.raises(ValueError, match="cannot be used") as refused:
        PrometheusConfig(url=url)

    assert "secret" not in str(refused.value)
