"""The addresses of models: what they mean, and which ones nobody may fetch from."""

from pathlib import Path

import pytest

from trimtab.api.addresses import NetworkRules
from trimtab.api.model_uri import ModelUri, OciImage, UriScheme, parse_model_uri, parse_oci_image

LINES = Path(__file__).with_name("hostile_uris.txt").read_text().splitlines()
HOSTILE = [line.encode().decode("unicode_escape") for line in LINES if line and not line.startswith("#")]
DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_the_corpus_is_large_and_holds_nothing_twice() -> None:
    """More than 200 different addresses are tried."""
    assert len(set(HOSTILE)) == len(HOSTILE) > 300


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_hostile_address_is_refused_in_one_ascii_line(text: str) -> None:
    """The message tells which address and why; it never repeats a password."""
    with pytest.raises(ValueError, match=r"^model URI ") as refused:
        parse_model_uri(text)

    message = str(refused.value)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 700
    assert "password" not in message.replace("a name or password before '@'", "")


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("s3://models/fraud/2026-11-01", ModelUri(scheme=UriScheme.S3, authority="models", path="fraud/2026-11-01")),
        ("s3://models/fraud/", ModelUri(scheme=UriScheme.S3, authority="models", path="fraud/")),
        ("gs://my_bucket.eu/m.onnx", ModelUri(scheme=UriScheme.GS, authority="my_bucket.eu", path="m.onnx")),
        (
            "https://host.example/a%20b/m.onnx?sig=a%2Fb",
            ModelUri(
                scheme=UriScheme.HTTPS, authority="host.example", path="a%20b/m.onnx", port=443, query="sig=a%2Fb"
            ),
        ),
        ("http://1.1.1.1:8080/m", ModelUri(scheme=UriScheme.HTTP, authority="1.1.1.1", path="m", port=8080)),
        (
            "https://[2606:4700::1]:8443/m",
            ModelUri(scheme=UriScheme.HTTPS, authority="[2606:4700::1]", path="m", port=8443),
        ),
        ("https://Host.Example./m", ModelUri(scheme=UriScheme.HTTPS, authority="Host.Example.", path="m", port=443)),
        ("hf://meta/llama", ModelUri(scheme=UriScheme.HF, authority="meta/llama")),
        (
            "hf://meta/llama@v1.0/onnx/fp16",
            ModelUri(scheme=UriScheme.HF, authority="meta/llama", path="onnx/fp16", revision="v1.0"),
        ),
    ],
)
def test_an_address_is_read_in_parts(text: str, uri: ModelUri) -> None:
    """Each part means one thing; the query, which may hold a signature, is never shown."""
    assert parse_model_uri(text) == uri
    assert "sig" not in uri.shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host.example/m?signature=secret", "https://host.example/m"),
        ("http://host.example:80/m", "http://host.example/m"),
        ("http://host.example:443/m", "http://host.example:443/m"),
        ("hf://meta/llama@v1", "hf://meta/llama@v1"),
        ("hf://meta/llama@v1/onnx", "hf://meta/llama@v1/onnx"),
    ],
)
def test_an_address_is_shown_without_its_query(text: str, shown: str) -> None:
    """What logs and conditions show leaves out what the scheme implies, and what is secret."""
    assert parse_model_uri(text).shown == shown


@pytest.mark.parametrize("text", ["", "s3://b/" + "k" * 1018])
def test_an_address_has_1_to_1024_characters(text: str) -> None:
    """Nothing and more than the CRD allows are refused, and the message stays short."""
    with pytest.raises(ValueError, match="must have 1 to 1024 characters") as refused:
        parse_model_uri(text)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("text", "next_step"),
    [
        ("S3://bucket/m", "write the scheme in lower case"),
        ("ftp://example.com/m", r"use one of s3://, gs://, http://, https://, hf://"),
        ("https://user:pw@example.com/m", "put credentials into a Secret"),
        ("s3://bucket/m?x=1", "'\\?' has no meaning in s3://; remove it"),
        ("s3://bucket", "add the model's folder or file: s3://bucket/folder"),
        ("https://example.com/folder/", "must name a file"),
        ("hf://meta", "write hf://organisation/name"),
        ("hf://meta/llama@-", "revision '-' must be a branch, tag or commit"),
        ("https://example.com:0/m", "port '0' must be a number from 1 to 65535"),
        ("http://10.0.0.1/m", r"ask the administrator to allow 10\.0\.0\.1:80 for models"),
        ("http://minio.storage.svc:9000/m", r"ask the administrator to allow minio\.storage\.svc:9000 for models"),
        ("s3://bucket/%zz", "write a literal percent sign as %25"),
        ("s3://bucket/%2525252525252e/a", "percent-encoded more than 3 times"),
        ("s3://bucket/a%00b", "hides a backslash or a control character"),
        ("s3://Bucket/a", "'Bucket' is not a bucket name; write s3://bucket/folder"),
        ("models/fraud", "is not scheme://"),
    ],
)
def test_a_refusal_says_what_to_write_instead(text: str, next_step: str) -> None:
    """Each kind of mistake has its own next step."""
    with pytest.raises(ValueError, match=next_step):
        parse_model_uri(text)


@pytest.mark.parametrize(
    "text",
    ["http://10.0.0.1:9000/m", "http://minio.storage.svc:9000/m", "http://[fd12::1]:9000/m", "http://minio:9000/m"],
)
def test_an_administrator_can_allow_private_addresses(text: str) -> None:
    """With them open, names and addresses of the cluster's network are taken."""
    parse_model_uri(text, NetworkRules(allow_private_addresses=True))


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("models", OciImage(registry=None, repository="models")),
        ("team/models:v1", OciImage(registry=None, repository="team/models", tag="v1")),
        ("registry.example/a/b_c__d-e.f", OciImage(registry="registry.example", repository="a/b_c__d-e.f")),
        ("localhost/models", OciImage(registry="localhost", repository="models")),
        ("registry:5000/models:V_1.0", OciImage(registry="registry:5000", repository="models", tag="V_1.0")),
        (
            f"Registry.example/models:v1@{DIGEST}",
            OciImage(registry="Registry.example", repository="models", tag="v1", digest=DIGEST),
        ),
    ],
)
def test_an_image_is_read_in_parts(text: str, image: OciImage) -> None:
    """The first part is a registry if it has a dot, a port or the name localhost."""
    assert parse_oci_image(text) == image


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "repository '' must be"),
        ("Models", "repository 'Models' must be lower-case"),
        ("models:", "tag '' must be"),
        ("models:-v1", "tag '-v1' must be"),
        ("models:" + "v" * 129, "tag 'v+' must be"),
        ("models@", "the part after '@' must be sha256:"),
        ("models@sha256:ABC", "the part after '@' must be sha256:"),
        (f"models@{DIGEST}@{DIGEST}", "the part after '@' must be sha256:"),
        ("registry..example/models", "registry 'registry..example' must be a host name"),
        ("-registry.example/models", "registry '-registry.example' must be a host name"),
        ("registry.example:port/models", "registry 'registry.example:port' must be a host name"),
        ("https://registry.example/models", "registry 'https:' must be a host name"),
        ("registry.example/a//b", "repository 'a//b' must be"),
        ("registry.example/../b", r"repository '../b' must be"),
        ("registry.example/a b", "repository 'a b' must be"),
        ("r\xe9gistry.example/a", r"registry 'r\\xe9gistry.example' must be"),
        ("registry.example/m\xf6del\n", r"repository 'm\\xf6del\\n' must be"),
        ("a" * 256, "repository 'a+...' must be"),
    ],
)
def test_what_is_no_image_is_refused_in_one_ascii_line(text: str, problem: str) -> None:
    """The message names the part that is wrong."""
    with pytest.raises(ValueError, match=problem) as refused:
        parse_oci_image(text)

    message = str(refused.value)
    assert message.startswith("image ")
    assert message.isascii()
    assert message.isprintable()
