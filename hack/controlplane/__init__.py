"""A real Kubernetes control plane on this machine, for tests, benchmarks and the demo."""

from controlplane.api import Api, ApiError, until
from controlplane.audit import AuditLog, Request
from controlplane.binaries import BinariesMissingError
from controlplane.operator_process import OperatorProcess, operator_environment, prepare
from controlplane.options import Options
from controlplane.plane import ControlPlane
from controlplane.processes import ComponentFailedError

__all__ = [
    "Api",
    "ApiError",
    "AuditLog",
    "BinariesMissingError",
    "ComponentFailedError",
    "ControlPlane",
    "OperatorProcess",
    "Options",
    "Request",
    "operator_environment",
    "prepare",
    "until",
]
