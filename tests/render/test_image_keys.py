"""Pictures as keys: they stand as they are, and between them is a picture and not a grey mean."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

import animate
from animate.diffusion import models
from animate.diffusion.latents import mixed
from animate.diffusion.sampling import Prompt, Sampling
from animate.errors import BadInput, RenderError, ScheduleError
from animate.picture import convert
from animate.picture.sharpen import sharpness
from animate.render import walk
from animate.render.animator import animate as animator
from animate.render.requests import Emit, ReadFrame, Redraw
from animate.render.run import render
from animate.render.runner import answered
from animate.schedule.plan import Plan
from animate.video.stills import read_picture, write_png

SIDE = 64
SMALL = {"width": SIDE, "height": SIDE, "steps": 4, "seed": 3, "prompts": "the sea at night"}


@pytest.fixture(scope="module")
def painter():
    return models.load("embedded", device="cpu")


@pytest.fixture(scope="module")
def album(tmp_path_factory, painter) -> list[Path]:
    """Two pictures of the embedded painter, guided as a schedule guides it where it is silent."""
    folder = tmp_path_factory.mktemp("album")
    prompts = ("a snowy mountain lake at dawn", "the sea at sunset under an orange sky")
    guided = {"cfg_scale": 3.0, "guidance_rescale": 0.7, "guidance_end": 0.7}
    how = [Sampling(prompts=(Prompt(text),), seed=4 + i, steps=6, **guided) for i, text in enumerate(prompts)]
    paths = [folder / f"{name}.png" for name in "ab"]
    for path, picture in zip(paths, painter.imagine((SIDE, SIDE), how)):
        write_png(path, convert.to_uint8(picture))
    return paths


def document(album, **more):
    return {**SMALL, "max_frames": 9, "image_keys": {0: str(album[0]), 8: str(album[1])}, **more}


def test_each_picture_stands_at_its_time(album):
    plan = animate.plan(document(album, max_frames=11, cuts=[]))
    assert plan.settings["animation_mode"] == "Interpolation"
    assert plan.settings["seed_behavior"] == "fixed"
    a, b = map(str, album)
    assert [plan.album.at(index) for index in (0, 2, 8, 10)] == [(a, b, 0), (a, b, 0.25), (b, b, 0), (b, b, 0)]
    assert animate.plan(document(album, prompt_fixed_ratio=0.5)).album.share.tolist()[:7] == [0, 0, 0, 0, 0, 0.25, 0.5]
    assert animate.plan(document(album, cuts=[4])).album.share[:5].tolist() == [0, 0, 0, 0, 0]
    closing = animate.plan(document(album, image_keys={0: str(album[0]), 4: str(album[1]), 9: str(album[0])}))
    assert not closing.warnings  # a key one past the end closes a loop
    late = animate.plan(document(album, image_keys={0: str(album[0]), 10: str(album[1])}))
    assert "the picture at frame 10 lies past the end" in str(late.warnings[0])
    again = Plan.from_json(plan.to_json())
    assert again.album.at(2) == plan.album.at(2)
    assert again.digest == plan.digest


def test_the_animator_asks_for_both_and_keeps_less_half_way(album):
    plan = animate.plan(document(album, strength=0.4))
    asked, picture = [], torch.zeros(3, SIDE, SIDE)
    steps = animator(plan)
    request = next(steps)
    while not (isinstance(request, Emit) and request.index == 8):
        asked.append(request)
        request = steps.send(None if isinstance(request, Emit) else picture)
    redrawn = [(one.index, round(one.mix, 3), round(one.strength, 3)) for one in asked if isinstance(one, Redraw)]
    assert redrawn == [(i, i / 8, round(1 - 0.6 * 4 * i / 8 * (1 - i / 8), 3)) for i in range(1, 8)]
    assert [one.file for one in asked if isinstance(one, ReadFrame)][:3] == [*map(str, [album[0]] * 2), str(album[1])]


def test_a_way_of_pictures_leaves_and_arrives_without_a_jump(album, tmp_path):
    assert render(document(album, codec="png"), tmp_path / "run") == tmp_path / "run" / "frames"
    frames = [read_picture(path).astype(np.float64) for path in sorted((tmp_path / "run" / "frames").iterdir())]
    for frame, path in ((frames[0], album[0]), (frames[-1], album[1])):
        np.testing.assert_array_equal(frame, read_picture(path))
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(frames)]
    assert max(steps) < 0.5 * np.abs(frames[-1] - frames[0]).mean()
    faded = (frames[0] + frames[-1]) / 2
    middle, soft = (float(sharpness(torch.tensor(one / 255).permute(2, 0, 1).float())) for one in (frames[4], faded))
    assert middle > 1.3 * soft


def test_a_resumed_way_has_the_same_bytes(album, tmp_path):
    plan = animate.plan(document(album))
    painter = models.load("embedded", device="cpu")

    def frames(carry, first):
        steps, request, shown, carries = animator(plan, carry), None, [], {}
        request = next(steps)
        while True:
            if isinstance(request, Emit):
                shown.append(request.picture)
                carries[request.index] = request.carry
                answer = None
            else:
                answer = answered(request, painter, plan.size)
            try:
                request = steps.send(answer)
            except StopIteration:
                return shown, carries

    straight, carries = frames(None, 0)
    again, _ = frames(carries[4], 5)
    assert all(torch.equal(a, b) for a, b in zip(straight[5:], again))


def test_mixed_latents_keep_their_spread():
    a, b = torch.randn(2, 1, 4, 16, 16, generator=torch.Generator().manual_seed(0)).unbind()
    b = 3 * b + 1
    half = mixed(a, b, 0.5)
    assert half.std(dim=(2, 3)).flatten().tolist() == pytest.approx(
        ((a.std(dim=(2, 3)) + b.std(dim=(2, 3))) / 2).flatten().tolist(), rel=1e-4
    )
    assert torch.allclose(mixed(a, b, 0.0), a, atol=1e-5)
    assert torch.allclose(mixed(a, b, 1.0), b, atol=1e-5)


def test_at_strength_1_the_mixture_is_only_decoded(album, painter):
    a, b = (convert.read_picture(path)[None] for path in album)
    how = [Sampling(prompts=(Prompt("x"),), seed=1, steps=4)]
    half = painter.redraw(a, 1.0, how, other=b, mix=0.5)
    near = painter.redraw(a, 0.999, how, other=b, mix=0.5)
    assert torch.isfinite(half).all()
    assert float((half - (a + b) / 2).abs().mean()) < 0.1
    assert float((half - near).abs().mean()) < 0.1
    with pytest.raises(ValueError, match="to go towards"):
        painter.redraw(a, 0.5, how, other=torch.cat([b, b]), mix=0.5)


def test_what_is_wrong_with_the_pictures_is_told(album, tmp_path):
    with pytest.raises(ScheduleError, match=r"image_keys: .*nob\.png does not exist"):
        animate.plan({**SMALL, "image_keys": {0: str(album[0].with_name("nob.png"))}})
    with pytest.raises(ScheduleError, match="is not a mapping"):
        animate.plan({**SMALL, "image_keys": "a.png"})
    with pytest.raises(ScheduleError, match="two keys land on frame 0"):
        animate.plan({**SMALL, "fps": 10, "image_keys": {0: str(album[0]), "0s": str(album[1])}})
    plan = animate.plan(document(album, animation_mode="2D"))
    assert any("has no effect" in warning.what for warning in plan.warnings)
    assert not plan.album.keys

    class Plain:
        name = "plain"

        def redraw(self, pictures, strength, how):
            return pictures

    request = Redraw(index=1, picture=torch.zeros(3, 8, 8), strength=0.5, how=None, other=torch.zeros(3, 8, 8))
    with pytest.raises(RenderError, match="plain cannot mix pictures"):
        answered(request, Plain(), (8, 8))


def test_a_walk_through_pictures_closes_without_a_doubled_frame(album):
    told = walk.through_pictures(album, 12, prompt="x", seed=1, loop=True)
    assert list(told["image_keys"]) == [0, 6, 12]
    plan = animate.plan({**SMALL, **told})
    assert plan.album.at(11)[2] == pytest.approx(5 / 6)
    assert list(walk.through_pictures(album, 9, prompt="x", seed=1)["image_keys"]) == [0, 8]
    for wrong in ((album[:1], 9), (album, 1)):
        with pytest.raises(BadInput):
            walk.through_pictures(*wrong, prompt="x", seed=1)


def test_the_command_takes_pictures(album, tmp_path, capsys):
    from animate.cli import main

    sets = [f"--set={name}={value}" for name, value in SMALL.items() if name not in ("prompts", "seed")]
    words = [*map(str, album), "--frames", "3", "--prompt", "the sea", "-o", str(tmp_path / "walk"), "-q", *sets]
    assert main(["walk", *words]) == 0
    assert read_picture(tmp_path / "walk" / "frames" / "000001.png").shape == (SIDE, SIDE, 3)
    capsys.readouterr()
    for wrong in (
        [str(album[0]), "a prompt"],
        [str(album[0]), "gone.png"],
        [*map(str, album), "--pace", "even"],
        ["a", "b", "--prompt", "c"],
    ):
        assert main(["walk", *wrong, "-o", str(tmp_path / "no"), "-q"]) == 2
