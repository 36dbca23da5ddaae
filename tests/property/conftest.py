"""Laws hold however busy the machine is: a deadline for one example would measure the machine."""

from hypothesis import settings

settings.register_profile("trimtab", deadline=None)
settings.load_profile("trimtab")
