"""Names that a schedule may use and that only the rooms behind it know. Imports nothing heavy."""

from __future__ import annotations

from animate.diffusion.sampler_names import ALIASES, names

CHOICES = {"sampler": (*names(), *ALIASES)}
"""By field, for `schedule.load(…, choices=CHOICES)`."""
