"""How cheap it could have been: for who knows the future, and for who is told of each change 5 s after it."""

from trimtab.simulate.oracle.bound import Bound, clairvoyant
from trimtab.simulate.oracle.follow import Causal, Member, causal
from trimtab.simulate.oracle.plan import World, carried_out, replay

__all__ = ["Bound", "Causal", "Member", "World", "carried_out", "causal", "clairvoyant", "replay"]
