"""Every name people type finds its sampler, and a wrong one its nearest."""

from __future__ import annotations

import pytest

from animate.diffusion.sampler_names import ALIASES, SAMPLERS, names, resolve
from animate.errors import BadInput


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Euler a", "Euler a"),
        ("euler_a", "Euler a"),
        ("Euler Ancestral", "Euler a"),
        ("dpm++ 2m karras", "DPM++ 2M Karras"),
        ("DPM++ 2M SDE Karras", "DPM++ 2M SDE Karras"),
        ("dpmpp_2m", "DPM++ 2M"),
        ("klms", "LMS"),
        ("plms", "PLMS"),
        ("UniPC", "UniPC"),
        ("DDIM", "DDIM"),
        ("DDIMScheduler", "DDIMScheduler"),
        ("ddimscheduler", "DDIM"),
        ("EulerDiscrete", "EulerDiscreteScheduler"),
        ("default", "default"),
    ],
)
def test_spellings(typed: str, found: str) -> None:
    assert resolve(typed) == found


@pytest.mark.parametrize("name", names())
def test_every_main_name_is_itself(name: str) -> None:
    assert resolve(name) == name
    assert resolve(name.upper()) in names()


def test_aliases_lead_somewhere() -> None:
    assert set(ALIASES.values()) <= set(SAMPLERS)


@pytest.mark.parametrize(("wrong", "near"), [("Eular a", "Euler a"), ("DPM++ 2M Karas", "DPM++ 2M Karras"), ("", "")])
def test_unknown_names_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(BadInput, match="the nearest is") as caught:
        resolve(wrong)
    assert near in str(caught.value)
