"""Soft edges of holes: all that was not seen is inside, and what lies farther off is left alone."""

import torch

from animate.picture.holes import OVERLAP, SOFT, softened


def test_a_hole_is_covered_whole_and_fades_out_beyond() -> None:
    unseen = torch.zeros(1, 64, 64)
    unseen[:, :, :10] = 1
    found = softened(unseen)
    assert (found[:, :, :10] == 1).all()
    assert (found[:, :, 10 : 10 + OVERLAP] == 1).all()
    row = found[0, 32]
    assert (row.diff() <= 0).all()
    assert row[10 + OVERLAP + 2 * SOFT + 1 :].max() == 0
    assert 0 < row[10 + OVERLAP + SOFT] < 1


def test_no_hole_stays_none() -> None:
    assert softened(torch.zeros(1, 32, 48)).max() == 0
