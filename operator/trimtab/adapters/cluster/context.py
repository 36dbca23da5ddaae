"""Which namespace somebody means who names none: that of the kubectl context."""

import os
from collections.abc import Mapping

import yaml
from kubernetes.aio.config import KUBE_CONFIG_DEFAULT_LOCATION, ConfigException
from kubernetes.aio.config.kube_config import list_kube_config_contexts

from trimtab.adapters.cluster.login import LoginError

DEFAULT_NAMESPACE = "default"


def context_namespace(context: str | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the namespace of a kubectl context, of the current one if none is named.

    Raises:
        LoginError: there is no such context, or no kubeconfig.
    """
    file = environment.get("KUBECONFIG") or KUBE_CONFIG_DEFAULT_LOCATION
    try:
        contexts, active = list_kube_config_contexts(file)  # type: ignore[no-untyped-call]  # the library has no types here
    except (ConfigException, OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise LoginError(f"cannot read contexts from {file}: {error}; set KUBECONFIG, or name a --namespace") from error
    chosen = active if context is None else next((each for each in contexts if each["name"] == context), None)
    if chosen is None:
        names = ", ".join(sorted(each["name"] for each in contexts))
        raise LoginError(f"there is no context {context} in {file}; there are {names}")
    return str(chosen.get("context", {}).get("namespace") or DEFAULT_NAMESPACE)
