"""One redrawn picture: our loop over scheduler, UNet and autoencoder, against the call of diffusers' img2img pipeline.

On a random model so small (UNet of 32 and 64 channels, 64² pixels) that what lies beside the networks is seen.
diffusers is called as its manual does: texts and a PIL picture in, a PIL picture out; ours stays with tensors, as our
render loop does. First the same call with tensors in and out must agree with ours to 1e-5.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.rows import Row, compare

PROMPT, NEGATIVE, SEED = "a red fox in the snow", "dull", 7


@cache
def _sides() -> tuple[Any, Any, torch.Tensor]:
    """Our painter and diffusers' pipeline on one model, and the picture (1, 3, 64, 64) they redraw."""
    import diffusers

    from animate.diffusion import models
    from tests.diffusion.tiny import tiny_sd

    torch.set_num_threads(1)
    diffusers.utils.logging.set_verbosity_error()
    with TemporaryDirectory() as place:
        folder = tiny_sd(Path(place) / "sd", block_out_channels=(32, 64), norm_num_groups=32, attention_head_dim=8)
        painter = models.load(str(folder), device="cpu")
        pipe = diffusers.StableDiffusionImg2ImgPipeline.from_pretrained(folder, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    return painter, pipe, torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def _row(name: str, steps: int, run: int, scale: float, goal: float) -> Row:
    from animate.diffusion.sampling import Prompt, Sampling

    painter, pipe, picture = _sides()
    how = Sampling(
        prompts=(Prompt(PROMPT, NEGATIVE if scale > 1 else ""),),
        seed=SEED,
        sampler="DDIM",
        steps=steps,
        cfg_scale=scale,
    )

    def ours() -> torch.Tensor:
        painted: torch.Tensor = painter.redraw(picture, 1 - run / steps, [how])
        return painted

    def call(image: Any, output: str) -> Any:
        return pipe(
            prompt=PROMPT,
            negative_prompt=NEGATIVE if scale > 1 else None,
            image=image,
            strength=run / steps,
            num_inference_steps=steps,
            guidance_scale=scale,
            generator=torch.Generator().manual_seed(SEED),
            output_type=output,
        ).images

    difference = float((ours() - call(picture, "pt")).abs().max())
    assert difference <= 1e-5, f"the two sides differ by {difference}"
    pil = pipe.image_processor.numpy_to_pil(picture.permute(0, 2, 3, 1).numpy())[0]

    def reference() -> Any:
        return call(pil, "pil")

    return compare(name, ours, reference, goal, "lower", rounds=40, warmups=5, note=f"equal to {difference:.0e}")


def one_step() -> Row:
    """One network pass, no guidance: few-step models in a feedback loop."""
    return _row("redraw, 1 step, no guidance, 64²", steps=5, run=1, scale=1.0, goal=0.70)


def four_steps() -> Row:
    """Four guided steps: an ordinary redrawn frame."""
    return _row("redraw, 4 steps, guided, 64²", steps=10, run=4, scale=5.0, goal=0.88)


ROWS = {"redraw-1": one_step, "redraw-4": four_steps}
