"""Metric sources by name: what a setting may say, and what a mistake in it gets."""

from pathlib import Path

import pytest

from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.app.metric_sources import read_sources

TEXT = """
team-a:
  url: https://prometheus.team-a:9090/tenant
  tokenFile: /etc/trimtab/sources/team-a/token
  caFile: /etc/trimtab/sources/team-a/ca.crt
team-b: {url: http://prometheus.team-b:9090}
"""
SOURCES = {
    "team-a": PrometheusConfig(
        url="https://prometheus.team-a:9090/tenant",
        bearer_token_file=Path("/etc/trimtab/sources/team-a/token"),
        ca_file=Path("/etc/trimtab/sources/team-a/ca.crt"),
    ),
    "team-b": PrometheusConfig(url="http://prometheus.team-b:9090"),
}


def test_sources_are_read_from_a_file(tmp_path: Path) -> None:
    """Each with the files that it needs."""
    path = tmp_path / "sources.yaml"
    path.write_text(TEXT)

    assert read_sources(str(path)) == SOURCES


def test_sources_are_read_from_the_setting_itself() -> None:
    """JSON, or YAML in braces; nothing is no source."""
    text = '{"team-b": {"url": "http://prometheus.team-b:9090"}}'

    assert read_sources(text) == {"team-b": SOURCES["team-b"]}
    assert read_sources("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{a: {url: 'http://p:9090'}", "it is no YAML"),
        ("/nowhere/sources.yaml", "/nowhere/sources.yaml cannot be read: No such file or directory"),
        ("{A: {url: 'http://p:9090'}}", "'A' is no name: write lower-case letters"),
        ("{1: {url: 'http://p:9090'}}", "1 is no name"),
        ("{a: 'http://p:9090'}", "a: there must be a url, and nothing beside"),
        (
            "{a: {url: 'http://p:9090', token: abc}}",
            "a: there must be a url, and nothing beside url, tokenFile, caFile",
        ),
        ("{a: {url: 'http://p:9090', tokenFile: 7}}", "a: tokenFile must be the path of a file"),
        ("{a: {url: 'http://p:9090', caFile: ca.crt}}", "a: caFile must be the path of a file, such as /etc/trimtab/"),
        ("{a: {url: 'http://me:secret@p:9090'}}", "a: the URL of Prometheus cannot be used: it has a user"),
        ("{a: {url: 'http://p:1'}, a: {url: 'http://q:1'}}", "a stands there twice: leave one"),
    ],
)
def test_a_mistake_says_what_is_wrong_and_what_to_write(text: str, said: str) -> None:
    """The operator does not start with a source that it would have to guess at, and shows no secret."""
    with pytest.raises(ValueError, match=r".") as refused:
        read_sources(text)

    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_without_names_is_refused(tmp_path: Path) -> None:
    """Nothing, or a list."""
    path = tmp_path / "sources.yaml"
    path.write_text("- team-a\n")

    with pytest.raises(ValueError, match="it holds no names; write NAME"):
        read_sources(str(path))
