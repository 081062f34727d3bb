"""The judge: any right answer will do, and pictures without one teach nothing."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

SCORES = torch.tensor([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])


def lost(*right: list[bool], scores: torch.Tensor = SCORES) -> float:
    from training.judge import lost

    return float(lost({"kind": scores}, {"kind": torch.tensor(right)}))


def test_any_right_answer_will_do():
    one = lost([True, False, False], [False, True, False], [False, False, True])
    several = lost([True, True, False], [False, True, True], [True, False, True])
    wrong = lost([False, True, True], [False, True, False], [False, False, True])
    assert several < one < wrong


def test_without_an_answer_nothing_is_learned():
    nothing = [False, False, False]
    assert lost([True, False, False], nothing, nothing) == lost([True, False, False], scores=SCORES[:1])
    assert lost(nothing, nothing, nothing) == 0.0


def test_it_is_never_quite_sure():
    from training.judge import lost

    scores = torch.tensor([[9.0, -9.0, -9.0]], requires_grad=True)
    lost({"kind": scores}, {"kind": torch.tensor([[True, False, False]])}).backward()
    assert scores.grad[0, 0] > 0
