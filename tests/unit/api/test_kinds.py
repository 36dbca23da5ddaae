"""How the API server addresses objects, and how they are named in messages."""

from trimtab.api.identity import ModelIdentity
from trimtab.api.kinds import AIMODEL, CHILD_KINDS, DEPLOYMENT, NAMESPACE, NETWORK_POLICY, SERVICE
from trimtab.api.objects import ObjectKey, UnreachableError


def test_paths_are_those_of_the_api_server() -> None:
    """Core and grouped kinds, collections, objects and subresources, in one namespace or all."""
    assert SERVICE.path() == "/api/v1/services"
    assert SERVICE.path("shop", "web") == "/api/v1/namespaces/shop/services/web"
    assert NAMESPACE.path("ignored", "shop") == "/api/v1/namespaces/shop"
    assert AIMODEL.path("shop") == "/apis/trimtab.io/v1alpha1/namespaces/shop/aimodels"
    assert DEPLOYMENT.path("shop", "web", "scale") == "/apis/apps/v1/namespaces/shop/deployments/web/scale"


def test_versions_are_written_as_in_manifests() -> None:
    """The core group has no name."""
    assert SERVICE.api_version == "v1"
    assert DEPLOYMENT.api_version == "apps/v1"


def test_the_network_policy_is_written_before_the_first_pod() -> None:
    """And the Deployment before all that can wait."""
    assert CHILD_KINDS[:2] == (NETWORK_POLICY, DEPLOYMENT)


def test_objects_are_named_by_namespace_and_name() -> None:
    """A cluster-scoped one by its name alone."""
    assert str(ObjectKey("shop", "web")) == "shop/web"
    assert str(ObjectKey("", "shop")) == "shop"
    assert str(ModelIdentity("shop", "fraud", "u", 1)) == "shop/fraud"
    assert ObjectKey("a", "z") < ObjectKey("b", "a")


def test_an_unreachable_server_may_say_how_long_to_wait() -> None:
    """0 where it did not."""
    assert UnreachableError("busy", 3.0).retry_after == 3.0
    assert UnreachableError("away").retry_after == 0.0
