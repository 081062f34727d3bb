"""Seed sequences."""

from typing import Any

import numpy as np
import pytest

import animate


def seeds(n: int = 7, **fields: Any) -> list[int]:
    return animate.plan({"prompts": "x", "max_frames": n, "seed": 100, **fields})["seed"].tolist()


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, [100, 101, 102, 103, 104, 105, 106]),
        ({"seed_iter_N": 3}, [100, 101, 101, 101, 102, 102, 102]),
        ({"seed_behavior": "fixed"}, [100] * 7),
        ({"seed_behavior": "ladder"}, [100, 102, 101, 103, 102, 104, 103]),
        ({"seed_behavior": "alternate"}, [100, 101, 100, 101, 100, 101, 100]),
        ({"diffusion_cadence": 3}, [100, 100, 100, 101, 101, 101, 102]),
        ({"diffusion_cadence": 3, "cuts": [4]}, [100, 100, 100, 101, 102, 102, 102]),
        ({"seed_behavior": "schedule", "seed_schedule": {0: 5, 6: 11}}, [5, 6, 7, 8, 9, 10, 11]),
        ({"seed_behavior": "schedule", "seed_schedule": {0: 5, 6: 8}}, [5, 5, 6, 6, 7, 7, 8]),
    ],
)
def test_sequence(fields: dict[str, Any], wanted: list[int]) -> None:
    assert seeds(**fields) == wanted


def test_random_begins_with_the_seed_and_is_the_same_every_time() -> None:
    found = seeds(seed_behavior="random")
    assert found[0] == 100
    assert len(set(found)) == 7
    assert all(0 <= seed < 2**32 for seed in found)
    assert found == seeds(seed_behavior="random")
    assert found != seeds(seed_behavior="random", seed=101)


def test_a_fraction_leans_to_the_next_seed() -> None:
    found = animate.plan(
        {"prompts": "x", "max_frames": 5, "seed": 1, "seed_behavior": "schedule", "seed_schedule": {0: 1, 4: 2}}
    )
    assert found["seed"].tolist() == [1, 1, 1, 1, 2]
    assert found["subseed"].tolist()[1:4] == [2, 2, 2]
    assert found["subseed_strength"].tolist() == [0, 0.25, 0.5, 0.75, 0]


def test_minus_one_draws_within_a_schedule() -> None:
    text = '0:(s), 1:(-1), "max_f-2":(-1), "max_f-1":(s)'  # Deforum's default
    found = seeds(seed_behavior="schedule", seed_schedule=text)
    assert [found[0], found[5], found[6]] == [100, 100, 100]
    assert len(set(found[1:5])) == 4
    assert min(found) >= 0


def test_subseeds() -> None:
    found = animate.plan({"prompts": "x", "max_frames": 3, "seed": 1, "subseed": 7, "subseed_strength": 0.5})
    assert found["subseed"].tolist() == [7, 7, 7]
    assert found["subseed_strength"].tolist() == [0.5] * 3
    drawn = animate.plan({"prompts": "x", "max_frames": 3, "seed": 1, "subseed_strength": 0.5})
    assert len(set(drawn["subseed"].tolist())) == 3
    assert (drawn["subseed"] >= 0).all()


def test_the_largest_seed_does_not_overflow() -> None:
    found = seeds(seed=2**63 - 1)
    assert found == [2**63 - 1, 0, 1, 2, 3, 4, 5]
    assert seeds(seed=2**63 - 1, seed_behavior="ladder")[:3] == [2**63 - 1, 1, 0]


def test_minus_one_draws_a_seed_and_keeps_it() -> None:
    plan = animate.plan({"prompts": "x", "max_frames": 3, "seed": -1, "angle": "s"})
    assert plan.seed_drawn
    assert 0 <= plan.settings["seed"] < 2**32
    assert plan["seed"][0] == plan.settings["seed"]
    assert (plan["angle"] == plan.settings["seed"]).all()
    assert isinstance(plan[0]["seed"], int)
    assert np.issubdtype(plan["seed"].dtype, np.int64)
