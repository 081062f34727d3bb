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


def test_what_it_is_not_sure_of_is_not_shown():
    from training.judge import SURE, Verdict, verdicts
    from training.questions import QUESTIONS, Truth

    class Mute(torch.nn.Module):
        """Sees a picture's first number as the evidence for each question's first answer."""

        def forward(self, latents):
            first = latents[:, 0, 0, 0]
            return {
                name: torch.cat([first[:, None], torch.full((len(first), len(known) - 1), -30.0)], 1)
                for name, known in QUESTIONS.items()
            }

    pictures = torch.tensor([9.0, 9.0, -40.0, 9.0])[:, None, None, None]  # the third: any other answer, unsure
    pictures = pictures.expand(4, 3, 256, 256)
    right = {name: torch.zeros(4, len(known), dtype=torch.bool) for name, known in QUESTIONS.items()}
    for answers in right.values():
        answers[0, 0] = answers[1, 1] = answers[2, 1] = True  # the fourth has no right answer
    found = verdicts(Mute(), torch.nn.Identity(), pictures.split(3), Truth(torch.zeros(4, len(QUESTIONS)), right))
    assert 1 / (len(QUESTIONS["time_group"]) - 1) < SURE
    for one in found.values():
        assert one == Verdict(best=pytest.approx(2 / 3), sure=pytest.approx(2 / 3), shown=pytest.approx(1 / 3))
        assert one.right == pytest.approx(1 / 2)
    assert Verdict(0.0, 0.0, 0.0).right == 0.0


def test_squares_are_of_the_rows_that_are_asked_for():
    import numpy as np

    from training.judge import CROP, Lessons, draw
    from training.questions import truths

    shades = torch.arange(7, dtype=torch.uint8)[:, None, None, None] * 40  # what each row shows, by its number
    pictures = list(shades.expand(7, 256, 256, 3).split([3, 4]))
    taught = Lessons(pictures, {}, torch.empty(0), truths([[0, 0, 0, 0]]))
    rows = np.array([6, 0, 3, 2, 4])

    def encoder(seen):
        return torch.nn.functional.avg_pool2d(seen.mean(1, keepdim=True), 16).expand(-1, 32, -1, -1)

    seen = draw(taught, rows, encoder, np.random.default_rng(1), torch.Generator().manual_seed(1))
    assert seen.shape == (5, 32, CROP, CROP)
    assert torch.equal(((seen.mean(dim=(1, 2, 3)) + 1) * 127.5 / 40).round(), torch.from_numpy(rows).float())


def test_it_looks_at_every_other_place_of_a_lattice():
    from training.judge import CROP, PATCH, QUICK, STEP, squares

    down = torch.arange(256.0)[:, None].expand(1, 1, 256, 256)
    pictures = torch.cat([down, down.mT, torch.zeros_like(down)], 1)  # each pixel says where it is
    corners = {(0, 0), (0, 32), (32, 0), (32, 32)}
    for step, count in ((STEP, 13), (QUICK, 5)):
        found = list(squares(pictures, step))
        assert len(found) == 2 * count
        assert all(one.shape == (1, 3, CROP * PATCH, CROP * PATCH) for one in found)
        begins = {(int(one[0, 0].min()), int(one[0, 1].min())) for one in found}
        assert len(begins) == count
        assert corners | {(16, 16)} <= begins
        assert {(left, top) for top, left in begins} == begins


def test_a_picture_and_its_mirror_are_judged_alike():
    from training import autoencoder
    from training.judge import judged, load

    vae = autoencoder.PatchAutoencoder.from_pretrained(str(autoencoder.EMBEDDED)).float()
    pictures = torch.rand(3, 3, 256, 256, generator=torch.Generator().manual_seed(4)) * 2 - 1
    judge = load()
    with torch.no_grad():
        said, mirrored = (judged(judge, vae.encoder, one) for one in (pictures, pictures.flip(-1)))
    for name, chances in said.items():
        assert torch.allclose(chances, mirrored[name], atol=1e-4)
        assert torch.allclose(chances.sum(1), torch.ones(3), atol=1e-4)


def test_rolled_squares_show_nothing_but_the_picture(monkeypatch):
    import numpy as np

    from training import judge

    down, across = np.mgrid[:256, :256].astype(np.uint8)
    picture = np.stack([down, across, np.full_like(down, 200)], -1)
    for leans in (0.0, 1.0):
        monkeypatch.setattr(judge, "LEANS", leans)
        random = np.random.default_rng(5)
        for _ in range(20):
            seen = judge.square(picture, random).astype(int)
            side = judge.CROP * judge.PATCH
            assert seen.shape == (side, side, 3)
            assert (seen[..., 2] == 200).all()
            steps = np.diff(seen[..., 0], axis=0).mean(), np.diff(seen[..., 1], axis=1).mean()
            low, high = (1, 1) if not leans else (0.7, 1.2)  # pixels of the picture a pixel of the square
            assert low <= min(steps)
            assert max(steps) <= high
