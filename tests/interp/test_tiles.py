import pytest
import torch

from animate.interp.tiles import Tile, cover, feather, reflect


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (64, 64), (70, 200)])
def test_a_margin_mirrors_and_can_be_cut_off(size: tuple[int, int]) -> None:
    picture = torch.rand(3, *size)
    padded, inner = reflect(picture, 64)
    assert padded.shape[-2] % 64 == padded.shape[-1] % 64 == 0
    assert torch.equal(inner.of(padded), picture)
    assert set(padded.unique().tolist()) == set(picture.unique().tolist())


def test_the_mirror_does_not_repeat_the_border() -> None:
    padded, _ = reflect(torch.arange(5.0).expand(1, 1, 5), 9)
    assert padded[0, 0].tolist() == [2, 1, 0, 1, 2, 3, 4, 3, 2]


@pytest.mark.parametrize(("height", "width"), [(100, 100), (1000, 300), (640, 1920), (704, 1088)])
def test_tiles_cover_with_weights_that_add_up(height: int, width: int) -> None:
    total = torch.zeros(1, height, width)
    for tile in cover(height, width, 512, 320):
        assert (tile.bottom - tile.top) <= 512
        tile.of(total).add_(feather(tile, height, width, 64, 128))
    assert float(total.min()) > 0.99


def test_a_tile_knows_its_place_at_other_scales() -> None:
    tile = Tile(top=64, left=128, bottom=128, right=256)
    assert tile.of(torch.zeros(2, 16, 40), 8).shape == (2, 8, 16)
    assert tile.grown(100, 200, 300) == Tile(top=0, left=28, bottom=200, right=300)
    assert tile.within(tile.grown(32, 999, 999)) == Tile(top=32, left=32, bottom=96, right=160)
    with pytest.raises(ValueError, match="overlap"):
        cover(100, 100, 64, 64)
