"""How a model is, as conditions and numbers."""

from trimtab.core.health.standing import Trouble
from trimtab.core.health.status import model_status

__all__ = ["Trouble", "model_status"]
