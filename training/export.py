"""Write the embedded painter: a standard diffusers folder of fp16 safetensors, whole or not at all.

    python -m training.export                       # from runs/painter and runs/autoencoder to animate/models/painter

The averaged weights are taken; the function from word vectors to embeddings is folded into an ordinary table (and kept
beside the trainers, so that a training can start from the exported weights).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from animate.diffusion import digests
from animate.diffusion.autoencoder import PatchAutoencoder
from training import autoencoder, checkpoint, words
from training.latents import EMBEDDED, RUN, prepare
from training.noise import NOISE
from training.painter import FUNCTION, TEXT, Painter, embeddings

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.38.0",
    "vae": ["animate.diffusion.autoencoder", "PatchAutoencoder"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
}


def averaged(vectors: torch.Tensor, state: dict[str, Any]) -> Painter:
    """The painter with the averaged weights of a checkpoint."""
    painter = Painter(vectors)
    with torch.no_grad():
        for name, value in painter.named_parameters():
            value.copy_(state["average"][name])
    return painter.eval()


def write(folder: Path, painter: Painter, vae: PatchAutoencoder, tokens: list[tuple[str, float]]) -> None:
    """All parts of the pipeline below ``folder``."""
    from diffusers import DDIMScheduler
    from transformers import CLIPTextConfig, CLIPTextModel

    text = CLIPTextModel(CLIPTextConfig(**TEXT, vocab_size=len(tokens)))
    weights = {name: value for name, value in painter.text.state_dict().items() if "token_embedding" not in name}
    text.load_state_dict(weights, strict=False)
    with torch.no_grad():
        embeddings(text).token_embedding.weight.copy_(painter.vocabulary.table())
    text.half().save_pretrained(folder / "text_encoder")
    _name_as_always(folder / "text_encoder" / "model.safetensors")
    painter.unet.half().save_pretrained(folder / "unet", safe_serialization=True)
    vae.half().save_pretrained(folder / "vae", safe_serialization=True)
    _forget_origin(folder / "vae" / "config.json")
    words.tokenizer(tokens).save_pretrained(folder / "tokenizer")
    config = folder / "tokenizer" / "tokenizer_config.json"
    described = json.loads(config.read_text("utf-8")) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    config.write_text(json.dumps(described, indent=2) + "\n", "utf-8")
    DDIMScheduler(**NOISE).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps(INDEX, indent=2) + "\n", "utf-8")


def _forget_origin(config: Path) -> None:
    """Where a part was loaded from is nobody's business."""
    known = {name: value for name, value in json.loads(config.read_text("utf-8")).items() if name != "_name_or_path"}
    config.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def _name_as_always(path: Path) -> None:
    """Weights under names that every transformers reads: version 5 writes them without ``text_model``."""
    from safetensors.torch import load_file, save_file

    prefix = "text_model."
    named = {prefix + name.removeprefix(prefix): value for name, value in load_file(path).items()}
    save_file(named, path, metadata={"format": "pt"})


def replace(folder: Path, target: Path) -> None:
    """Put the parts of ``folder`` in ``target``'s place, one rename each; what else is there (the card) stays."""
    target.mkdir(parents=True, exist_ok=True)
    for part in sorted(folder.iterdir()):
        old = target / f".old.{part.name}"
        if (target / part.name).exists():
            (target / part.name).rename(old)
        part.rename(target / part.name)
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    from safetensors.torch import save_file

    state = checkpoint.load(RUN / "checkpoint.pt")
    if state is None:
        parser.error(f"no checkpoint in {RUN}: train first")
    vae, _, vectors, _ = prepare()
    stored = json.loads((RUN / "tokenizer" / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    painter = averaged(vectors, state)
    options.to.mkdir(parents=True, exist_ok=True)
    function = {name: value.half().contiguous() for name, value in painter.vocabulary.state_dict().items()}
    with tempfile.TemporaryDirectory(dir=options.to.parent, prefix=".export") as folder:
        write(Path(folder), painter, vae, [(token, score) for token, score in stored])
        replace(Path(folder), options.to)
    digests.write(options.to)
    if options.to == EMBEDDED:
        checkpoint.write_whole(FUNCTION, lambda path: save_file(function, path))
    for path in sorted(options.to.rglob("*.safetensors")):
        print(f"{path.relative_to(options.to)}  {path.stat().st_size / 1e6:.2f} MB")
    print(f"step {state['step']}, {state['samples']} samples; autoencoder {autoencoder.RUN}")


if __name__ == "__main__":
    main()
