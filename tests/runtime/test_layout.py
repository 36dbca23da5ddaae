"""How sources are laid out, and what Triton finds in the end."""

import pytest
from tritonclient.grpc import model_config_pb2

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.layout import Layout, arrange_file, arrange_folder, find_models, find_root
from trimtab_runtime.fetch.triton_config import ModelConfigMessage, merge_config


def config(**fields: object) -> ModelConfigMessage:
    """Return a configuration as the fetch has it."""
    return merge_config(None, fields, "fraud").message


def arranged(*paths: str, **fields: object) -> Layout:
    """Return how a folder is arranged."""
    return arrange_folder(paths, find_root(paths), config(**fields))


@pytest.mark.parametrize(
    ("name", "placed"),
    [
        ("v7.onnx", "model.onnx"),
        ("V7.ONNX", "model.onnx"),
        ("resnet.plan", "model.plan"),
        ("resnet.engine", "model.plan"),
        ("resnet.trt", "model.plan"),
        ("traced.pt", "model.pt"),
        ("traced.torchscript", "model.pt"),
        ("serve.py", "model.py"),
        ("compiled.pt2", "model.pt2"),
        ("model.xml", "model.xml"),
        ("model.json", "model.json"),
    ],
)
def test_a_single_file_gets_the_name_that_its_backend_looks_for(name: str, placed: str) -> None:
    """The ending tells the backend; Triton looks for one fixed name."""
    assert arrange_file(name, config()).places == {f"1/{placed}": ""}


def test_a_default_model_filename_wins_over_the_ending() -> None:
    """Who sets it knows better."""
    assert arrange_file("v7.bin", config(default_model_filename="weights.bin")).places == {"1/weights.bin": ""}


@pytest.mark.parametrize("name", ["v7.bin", "README", "data.json", ".onnx", "model.onnx.tmp"])
def test_a_file_of_unknown_kind_is_refused_with_the_known_ones(name: str) -> None:
    """A guess would fail later, in Triton, with fewer words."""
    with pytest.raises(FetchError) as caught:
        arrange_file(name, config())

    assert caught.value.reason is Reason.UNSUPPORTED_LAYOUT
    assert ".onnx" in str(caught.value)


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["1/model.onnx", "2/model.onnx", "config.pbtxt"], {"1": "1", "2": "2"}),
        (["fraud/1/model.onnx", "fraud/config.pbtxt"], {"1": "fraud/1"}),
        (["a/fraud/1/model.onnx"], {"1": "a/fraud/1"}),
        (["model.onnx", "model.onnx.data"], {"1": ""}),
        (["v7.onnx"], {"1/model.onnx": "v7.onnx"}),
        (["v7.onnx", "v7.onnx.data", "config.pbtxt"], {"1/model.onnx": "v7.onnx", "1/v7.onnx.data": "v7.onnx.data"}),
        (["README.md", ".gitattributes", "fraud/1/model.onnx"], {"1": "fraud/1"}),
    ],
)
def test_a_folder_is_recognised(paths: list[str], places: dict[str, str]) -> None:
    """Triton's own layout, wrapped ones, and flat folders with one model in them."""
    assert arranged(*paths).places == places


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["README.md"],
        ["a.onnx", "b.onnx"],
        ["a/1/model.onnx", "b/1/model.onnx"],
        ["config.pbtxt"],
    ],
)
def test_a_folder_that_is_no_model_is_refused_with_what_was_found(paths: list[str]) -> None:
    """None, two, or a whole repository: which one is meant is for the user to say."""
    with pytest.raises(FetchError) as caught:
        arranged(*paths)

    assert caught.value.reason is Reason.UNSUPPORTED_LAYOUT
    assert (paths[0].split("/")[0] if paths else "nothing") in str(caught.value)


@pytest.mark.parametrize(
    "paths", [["saved_model.pb", "variables/x"], ["model.savedmodel/saved_model.pb"], ["fraud/frozen.graphdef"]]
)
def test_tensorflow_is_refused_by_its_name(paths: list[str]) -> None:
    """Triton has given its backend up: a conversion is the way, and the message says which."""
    with pytest.raises(FetchError, match=r"TensorFlow.*convert it to ONNX"):
        arranged(*paths)
    with pytest.raises(FetchError, match="TensorFlow"):
        arrange_file("model.graphdef", config())


def test_versions_that_triton_passes_over_are_named() -> None:
    """A leading zero makes a folder that it reads, and serves nothing of."""
    with pytest.raises(FetchError, match=r"passes over 01/.*rename it"):
        arranged("01/net.onnx", "config.pbtxt")


@pytest.mark.parametrize(
    ("paths", "models"),
    [
        (["a/1/model.onnx", "b/config.pbtxt", "docs/x.md"], ("a", "b")),
        (["all/a/1/model.onnx", "all/b/config.pbtxt", "README.md"], ("a", "b")),
        (["a/model.onnx", "b/model.py"], ("a", "b")),
        (["config.pbtxt", "a/1/model.onnx", "b/1/model.onnx"], ()),
        (["1/model.onnx", "a/1/model.onnx", "b/1/model.onnx"], ()),
        (["a/1/model.onnx", "docs/x.md"], ()),
    ],
)
def test_several_models_are_told_from_one(paths: list[str], models: tuple[str, ...]) -> None:
    """A folder is a model by its configuration, its versions or a file by Triton's name; the root goes first."""
    assert find_models(paths, find_root(paths)) == models


def test_a_backend_that_needs_no_file_gets_the_folder_as_it_is() -> None:
    """VLLM and others read what they like."""
    assert arranged("config.pbtxt", "engine.json", backend="vllm").places == {"1": ""}


def test_an_ensemble_needs_no_file_at_all() -> None:
    """Its version is an empty folder."""
    assert arranged("config.pbtxt", platform="ensemble").places == {"1": ""}


def test_labels_stand_beside_the_configuration() -> None:
    """Triton looks for a label file in the model's folder, not in a version's."""
    output = [{"name": "y", "label_filename": "labels.txt"}]

    layout = arranged("model.onnx", "labels.txt", "config.pbtxt", output=output)

    assert layout.labels == {"labels.txt": "labels.txt"}
    assert layout.places == {"1": ""}


def test_the_schema_is_tritons_own() -> None:
    """Fields of newer servers arrive with tritonclient, not by our hand."""
    assert "dynamic_batching" in model_config_pb2.ModelConfig.DESCRIPTOR.fields_by_name
