"""The administrator's settings: defaults that work, and mistakes that say what to write."""

from pathlib import Path

import pytest
import yaml

from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.app.settings import KNOWN, PREFIX, Address, PricesSetting, SettingsError, from_environment, pod_settings

IMAGES = {"TRIMTAB_TRITON_IMAGE": "example.org/triton:1", "TRIMTAB_RUNTIME_IMAGE": "example.org/runtime:1"}


def test_two_images_are_enough() -> None:
    """All else has a default."""
    settings = from_environment(IMAGES)

    assert settings.render.pod.triton_image == "example.org/triton:1"
    assert settings.render.scraper_namespace == "monitoring"
    assert settings.probes == Address("0.0.0.0", 8080)  # noqa: S104 - the kubelet asks from the node
    assert settings.render.pod.allow_private_addresses is False
    assert settings.prometheus is None
    assert (settings.prometheus_sources, settings.prices) == ({}, None)
    assert (settings.pod_readings, settings.render.operator_namespace) == (False, None)


def test_every_setting_is_read() -> None:
    """Each variable arrives where it acts."""
    settings = from_environment(
        {
            **IMAGES,
            "TRIMTAB_NAMESPACE": "ops",
            "TRIMTAB_METRICS_SCRAPER_NAMESPACE": "",
            "TRIMTAB_METRICS_SCRAPER_LABELS": "app=prometheus, tier=infra",
            "TRIMTAB_IMAGE_VOLUMES": "Disabled",
            "TRIMTAB_ALLOW_PRIVATE_ADDRESSES": "Always",
            "TRIMTAB_ALLOWED_ENDPOINTS": "minio.storage.svc:9000",
            "TRIMTAB_FETCH_CPU_REQUEST": "1",
            "TRIMTAB_FETCH_MEMORY_REQUEST": "1Gi",
            "TRIMTAB_FETCH_MEMORY_LIMIT": "3Gi",
            "TRIMTAB_PROBES_ADDRESS": "[::1]:1",
            "TRIMTAB_METRICS_ADDRESS": "127.0.0.1:0",
            "TRIMTAB_WRITES_PER_SECOND": "7",
            "TRIMTAB_LOG_FORMAT": "text",
            "TRIMTAB_PROMETHEUS_URL": "https://prometheus.monitoring:9090",
            "TRIMTAB_PROMETHEUS_TOKEN_FILE": "/var/run/token",
            "TRIMTAB_PROMETHEUS_CA_FILE": "/etc/ca.crt",
            "TRIMTAB_PROMETHEUS_SOURCES": "{team-b: {url: 'http://prometheus.team-b:9090'}}",
            "TRIMTAB_PRICES": "/etc/trimtab/prices/prices.yaml",
            "TRIMTAB_PRICES_FOR": "aws/us-east-1",
        }
    )

    assert settings.namespace == "ops"
    assert settings.render.scraper_namespace is None
    assert settings.render.scraper_labels == {"app": "prometheus", "tier": "infra"}
    assert settings.render.image_volumes is False
    assert settings.render.pod.network_rules.allow_private_addresses is True
    assert settings.render.pod.network_rules.allowed_endpoints == {"minio.storage.svc:9000"}
    assert settings.render.pod.fetch_resources.memory_limit == "3Gi"
    assert (settings.probes, settings.metrics) == (Address("::1", 1), Address("127.0.0.1", 0))
    assert (settings.writes_per_second, settings.log_format) == (7, "text")
    assert settings.prometheus == PrometheusConfig(
        url="https://prometheus.monitoring:9090", bearer_token_file=Path("/var/run/token"), ca_file=Path("/etc/ca.crt")
    )
    assert settings.prometheus_sources == {"team-b": PrometheusConfig(url="http://prometheus.team-b:9090")}
    assert settings.prices == PricesSetting(Path("/etc/trimtab/prices/prices.yaml"), "aws/us-east-1")
    assert (settings.pod_readings, settings.render.operator_namespace) == (True, "ops")


@pytest.mark.parametrize(
    ("environment", "reads"),
    [
        ({"TRIMTAB_PROMETHEUS_URL": "http://p:9090"}, True),
        ({"TRIMTAB_PROMETHEUS_SOURCES": "{a: {url: 'http://p:9090'}}"}, True),
        ({"TRIMTAB_PROMETHEUS_URL": "http://p:9090", "TRIMTAB_POD_READINGS": "Disabled"}, False),
        ({"TRIMTAB_POD_READINGS": "Enabled"}, False),
    ],
)
def test_pods_are_read_beside_a_prometheus_unless_that_is_switched_off(
    environment: dict[str, str], *, reads: bool
) -> None:
    """Their ports are open to the operator only where it does."""
    settings = from_environment({**IMAGES, **environment})

    assert settings.pod_readings is reads
    assert settings.render.operator_namespace == ("trimtab-system" if reads else None)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TRIMTAB_TRITON_IMAGE", "no image at all", "TRIMTAB_TRITON_IMAGE"),
        ("TRIMTAB_ALLOWED_ENDPOINTS", "minio", "host:port"),
        ("TRIMTAB_PROBES_ADDRESS", "8080", "host:port"),
        ("TRIMTAB_PROBES_ADDRESS", "0.0.0.0:99999", "host:port"),
        ("TRIMTAB_METRICS_SCRAPER_LABELS", "prometheus", "key=value"),
        ("TRIMTAB_IMAGE_VOLUMES", "yes", "Enabled or Disabled"),
        ("TRIMTAB_POD_READINGS", "no", "Enabled or Disabled"),
        ("TRIMTAB_WRITES_PER_SECOND", "-1", "above 0"),
        ("TRIMTAB_FETCH_MEMORY_LIMIT", "much", "TRIMTAB_FETCH_MEMORY_LIMIT"),
        ("TRIMTAB_PROMETHEUS_URL", "prometheus:9090", "http://prometheus.monitoring:9090"),
        ("TRIMTAB_PROMETHEUS_SOURCES", "{a: {url: 'prometheus:9090'}}", "a: the URL of Prometheus cannot be used"),
        ("TRIMTAB_PRICES_FOR", "aws", "provider/region, such as aws/us-east-1"),
        ("TRIMTAB_PRICES_FOR", "aws/us-east-1", "needs TRIMTAB_PRICES"),
        ("TRIMTAB_TRITON_IMAG", "x", "there is no such setting"),
    ],
)
def test_a_mistake_says_which_setting_and_what_to_write(name: str, value: str, said: str) -> None:
    """The operator does not start with a setting that it would have to guess at."""
    with pytest.raises(SettingsError) as refused:
        from_environment({**IMAGES, name: value})

    assert name in str(refused.value)
    assert said in str(refused.value)


def test_a_missing_image_is_named() -> None:
    """There is no default for what runs in the cluster: a release pins it."""
    with pytest.raises(SettingsError, match="TRIMTAB_RUNTIME_IMAGE is not set"):
        from_environment({"TRIMTAB_TRITON_IMAGE": "example.org/triton:1"})


def test_rendering_without_a_cluster_needs_no_setting_and_says_what_an_installation_would() -> None:
    """The defaults of `trimtab render` are the images in config/manager."""
    manifest = yaml.safe_load((Path(__file__).parents[3] / "config/manager/deployment.yaml").read_text())
    environment = manifest["spec"]["template"]["spec"]["containers"][0]["env"]
    installed = {entry["name"]: entry["value"] for entry in environment if "value" in entry}

    assert pod_settings({}) == from_environment(installed).render


def test_a_price_list_that_is_nobodys_is_not_read() -> None:
    """Until somebody says whose prices count here, none do."""
    assert from_environment({**IMAGES, "TRIMTAB_PRICES": "/etc/trimtab/prices/prices.yaml"}).prices is None


def test_an_installation_sets_only_what_is_read() -> None:
    """Every TRIMTAB_ variable in config/manager is one of the settings."""
    text = (Path(__file__).parents[3] / "config/manager/deployment.yaml").read_text()
    named = {word.rstrip(":,") for word in text.split() if word.startswith(PREFIX)}

    assert named
    assert named <= {PREFIX + name for name in KNOWN}
