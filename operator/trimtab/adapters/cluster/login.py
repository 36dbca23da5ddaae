"""Where the API server is, and who we are there: a kubeconfig, or the pod's own account."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import KUBE_CONFIG_DEFAULT_LOCATION, ConfigException, load_incluster_config, load_kube_config

from trimtab.api.objects import ClusterError

IN_A_POD = "KUBERNETES_SERVICE_HOST"


class LoginError(ClusterError):
    """There are no usable credentials; the message says where they were looked for."""


@dataclass(frozen=True)
class Login:
    """A kubeconfig file and one of its contexts; None for both the file and the context means: as usual.

    As usual is what `KUBECONFIG` names, else the account of the pod that we run in, else `~/.kube/config`. Credentials
    that are refused are read again after `every` seconds at the earliest, since reading them may run a plugin.
    """

    kubeconfig: str | None = None
    context: str | None = None
    every: float = 10.0

    async def load(self, configuration: Configuration, environment: Mapping[str, str] = os.environ) -> None:
        """Fill in the server's address and our credentials, fresh from where they are kept.

        Raises:
            LoginError: there are none, or they cannot be read.
        """
        file = self.kubeconfig or environment.get("KUBECONFIG")
        in_a_pod = file is None and IN_A_POD in environment
        where = "the pod's service account" if in_a_pod else file or KUBE_CONFIG_DEFAULT_LOCATION
        try:
            if in_a_pod:
                load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library has no types here
            else:
                await load_kube_config(  # type: ignore[no-untyped-call]  # nor here
                    where, self.context, configuration, persist_config=False
                )
        except (ConfigException, OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            hint = "give --kubeconfig, set KUBECONFIG, or run in a pod with a service account"
            raise LoginError(f"cannot log in to a cluster with {where}: {error}; {hint}") from error
