"""Text → what the network is conditioned on.

Every text is encoded once and kept. A prompt may say something else at every step (`prompt_steps`): a `Script` holds
what the network is told, span by span. A prompt longer than the text encoder's window is cut into windows that are
encoded each and laid one after the other, not truncated. Blending works on the encoded texts, pooled vectors included;
where lengths differ, the shorter one is filled up on its right with the encoding of the empty prompt.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from animate.diffusion.noise import slerp
from animate.diffusion.prompt_steps import spans, together
from animate.diffusion.prompt_weights import BREAK, Part, parse
from animate.diffusion.sampling import Prompt, Sampling, Weighting
from animate.tokens import by_itself

KEPT = 256
"""Encoded texts that are remembered; 40 MB for SDXL in half precision."""

FAINTEST = 1e-5
"""Weights below it count as none (compel's floor)."""

Mix = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class Encoder:
    """A tokenizer and its text model."""

    tokenizer: Any
    model: Any


@dataclass(frozen=True)
class Encoded:
    """One text as the network reads it."""

    states: Tensor
    """(L, D), L a multiple of the encoder's window."""
    pooled: Tensor | None = None
    """(P,) the whole text in one vector, for families that use it."""
    nothing: bool = False
    """All zeros, and filled up with zeros."""


@dataclass(frozen=True)
class Passes:
    """What the network is asked for one picture in one step: once a row."""

    states: Tensor
    """(P, L, D); with guidance the first row is the negative prompt."""
    pooled: Tensor | None
    """(P, E) or None."""
    weights: tuple[float, ...]
    """Of the prompts (the rows without the negative one): their shares in the guided direction."""

    @property
    def guided(self) -> bool:
        """Whether there is a negative prompt."""
        return len(self.states) > len(self.weights)


@dataclass(frozen=True)
class Script:
    """What the network is told over the steps of one picture."""

    spans: tuple[tuple[int, Passes], ...]
    """(last step, counted from 1; what it is told up to and with it), ascending."""
    guided: int
    """Last step, counted from 1, in which guidance of any kind is heard."""

    def at(self, step: int) -> Passes:
        """What it is told at a step, counted from 1; past the last one as at the last one."""
        return next((passes for last, passes in self.spans if step <= last), self.spans[-1][1])

    @property
    def shape(self) -> Hashable:
        """Scripts of one shape can be followed together, whatever they say."""
        runs: list[tuple[int, tuple[int, ...]]] = []
        for last, passes in self.spans:
            shape = tuple(passes.states.shape)
            if runs and runs[-1][1] == shape:
                runs.pop()
            runs.append((last, shape))
        return self.guided, tuple(runs)


class Texts:
    """The text encoders of a model, with a memory.

    `penultimate`: the family reads the last layer but one and a pooled vector (SDXL). `empty_is_zero`: an empty
    negative prompt is all zeros, as SDXL was trained.
    """

    def __init__(self, encoders: Sequence[Encoder], *, penultimate: bool = False, empty_is_zero: bool = False) -> None:
        self.encoders = tuple(encoders)
        self._penultimate = penultimate
        self._empty_is_zero = empty_is_zero
        self._memory: OrderedDict[Hashable, Encoded] = OrderedDict()
        self.variant: Hashable = ()
        """What else decides an encoding (the LoRA files now in force); part of the memory's key."""
        self._extra: dict[str, str] = {}

    def script(self, how: Sampling, guided: bool, steps: int) -> Script:
        """The conditioning of one picture that is painted in `steps` steps.

        `guided` by negative prompts until guidance ends: in the last steps it brings grain (2404.07724, §4).
        """
        end = math.ceil(how.guidance_end * steps - 1e-9)  # 1e-9: 0.7 of 10 steps are 7
        sides = [(spans(prompt.text, steps), spans(prompt.negative, steps)) for prompt in how.prompts]
        lasts = {last for pair in sides for side in pair for last, _ in side} or {steps}
        found = []
        for last in sorted(lasts | ({end} if 0 < end < steps else set())):
            told = tuple(
                replace(prompt, text=_told(positive, last), negative=_told(negative, last))
                for prompt, (positive, negative) in zip(how.prompts, sides)
            )
            found.append((last, self.passes(replace(how, prompts=told), guided and last <= end)))
        return Script(tuple(found), end)

    def passes(self, how: Sampling, guided: bool) -> Passes:
        """The conditioning of one step; prompts of weight 0 are left out.

        Prompts joined by `AND` are a row each. Where several prompts are blended, the first of each are blended with
        one another, then the second, and so on; so a prompt with three comes from one with two as its third grows.
        Under `hold` none becomes another; those that are still several overlap, and are blended as by `lerp`.
        """
        prompts = _merged(how.prompts)
        weights = [prompt.weight for prompt in prompts]
        joined = [together(prompt.text) for prompt in prompts]
        mix: Mix = slerp if how.blend == "slerp" else torch.lerp
        rows: list[Encoded] = []
        shares: list[float] = []
        if how.blend == "composable":
            for weight, parts in zip(weights, joined):
                rows += [self.encode(text, how.clip_skip, how.weighting) for text, _ in parts]
                shares += [weight * share for _, share in parts]
        else:
            for place in range(max(map(len, joined))):
                here = [(weight, parts[place]) for weight, parts in zip(weights, joined) if place < len(parts)]
                some = [self.encode(text, how.clip_skip, how.weighting) for _, (text, _) in here]
                rows.append(self._blend(some, [weight for weight, _ in here], mix, how.clip_skip))
                shares.append(sum(weight * share for weight, (_, share) in here))
        if len(rows) == 1 and all(parts[0][1] == 1 for parts in joined):
            shares = [1.0]  # and not 0.9999999
        unwanted = [self._negative(prompt.negative, how) for prompt in prompts] if guided else []
        # Before the negatives are blended, so that each is filled up in its own way.
        rows = self._level([*unwanted, *rows], how.clip_skip)
        if guided:
            rows = [self._blend(rows[: len(prompts)], weights, mix, how.clip_skip), *rows[len(prompts) :]]
        pooled = [row.pooled for row in rows if row.pooled is not None]
        return Passes(
            states=torch.stack([row.states for row in rows]),
            pooled=torch.stack(pooled) if pooled else None,
            weights=tuple(shares),
        )

    def encode(self, text: str, clip_skip: int = 1, weighting: Weighting = "a1111") -> Encoded:
        """A text, weights and windows included. `clip_skip`: the layer read, counted from the last."""
        key = (text, clip_skip, weighting, self.variant)
        if key in self._memory:
            self._memory.move_to_end(key)
            return self._memory[key]
        read = [self._read(encoder, parse(text), clip_skip, weighting) for encoder in self.encoders]
        pooled = next((vector for _, vector in read if vector is not None), None)
        windows = max(states.shape[0] for states, _ in read)
        sides = []
        for encoder, (states, _) in zip(self.encoders, read):
            if states.shape[0] < windows:
                empty = self._read(encoder, (Part(""),), clip_skip)[0]
                states = torch.cat([states, *[empty] * (windows - states.shape[0])])
            sides.append(states)
        encoded = Encoded(torch.cat(sides, dim=-1).flatten(0, 1), pooled)
        self._memory[key] = encoded
        if len(self._memory) > KEPT:
            self._memory.popitem(last=False)
        return encoded

    def forget(self) -> None:
        """Drop all encodings: the encoders have changed."""
        self._memory.clear()

    def teach(self, token: str, vectors: Sequence[Tensor]) -> None:
        """Let `token` stand for `vectors` (one (n, D) tensor an encoder, textual inversion) in every later prompt."""
        from transformers import AddedToken

        for encoder, rows in zip(self.encoders, vectors):
            names = _private(token, len(rows))
            encoder.tokenizer.add_tokens([AddedToken(name, normalized=False) for name in names])
            ids = encoder.tokenizer.convert_tokens_to_ids(names)
            table = encoder.model.get_input_embeddings()
            if max(ids) >= table.num_embeddings:
                encoder.model.resize_token_embeddings(max(ids) + 1, mean_resizing=False)
                table = encoder.model.get_input_embeddings()
            with torch.no_grad():
                for index, row in zip(ids, rows):
                    table.weight[index] = row.to(table.weight)
        self._extra[token] = "".join(_private(token, max(map(len, vectors))))
        self.forget()

    def _negative(self, text: str, how: Sampling) -> Encoded:
        """The negative prompt; there is one pass for it, so what `AND` joins in it is blended."""
        parts = together(text)
        some = [self.encode(part, how.clip_skip, how.weighting) for part, _ in parts]
        if len(parts) > 1:
            return self._blend(some, [abs(weight) for _, weight in parts], torch.lerp, how.clip_skip)
        encoded = some[0]
        if text or not self._empty_is_zero:
            return encoded
        pooled = None if encoded.pooled is None else torch.zeros_like(encoded.pooled)
        return Encoded(torch.zeros_like(encoded.states), pooled, nothing=True)

    def _blend(self, texts: Sequence[Encoded], weights: Sequence[float], mix: Mix, clip_skip: int) -> Encoded:
        """The weighted mean, text by text, so that it serves lerp and slerp alike."""
        texts = self._level(texts, clip_skip)
        mixed, total = texts[0], weights[0]
        for text, weight in zip(texts[1:], weights[1:]):
            total += weight
            share = weight / total if total else 0.0
            pooled = mixed.pooled
            if pooled is not None and text.pooled is not None:
                pooled = mix(pooled, text.pooled, share)
            mixed = Encoded(mix(mixed.states, text.states, share).to(text.states.dtype), pooled)
        return mixed

    def _level(self, texts: Sequence[Encoded], clip_skip: int) -> list[Encoded]:
        """All texts as long as the longest."""
        length = max(text.states.shape[0] for text in texts)
        levelled = []
        for text in texts:
            states = text.states
            if states.shape[0] < length:
                empty = self.encode("", clip_skip).states
                empty = torch.zeros_like(empty) if text.nothing else empty
                states = torch.cat([states, *[empty] * ((length - states.shape[0]) // empty.shape[0])])
            levelled.append(replace(text, states=states))
        return levelled

    def _read(
        self, encoder: Encoder, parts: Sequence[Part], clip_skip: int, weighting: Weighting = "a1111"
    ) -> tuple[Tensor, Tensor | None]:
        """(W, L, D) states of the windows and the pooled vector of the first, from one encoder.

        compel's weights: z = z∅ + w (z − z∅), z∅ being the empty prompt; and for each part that counts less than 1
        the encoding without it joins the mean, tan((1 − w) π/2) strong, so that at ½ it has a half.
        """
        ids, weights, lengths = self._tokens(encoder, parts)
        states, pooled = self._plain(encoder, ids, lengths, clip_skip)
        weights = weights.to(states.device)
        if weighting != "compel" or bool((weights == 1).all()):
            return _weighed(states, weights, weighting == "a1111"), pooled
        empty = self._plain(encoder, *self._tokens(encoder, (Part(""),))[::2], clip_skip)[0]
        mixture, total = empty + weights[..., None] * (states - empty), 1.0
        for at, part in enumerate(parts):
            if part is BREAK or part.weight >= 1:
                continue
            ids, rest, lengths = self._tokens(encoder, (*parts[:at], *parts[at + 1 :]))
            without = self._plain(encoder, ids, lengths, clip_skip)[0]
            without = empty + rest.to(states.device)[..., None] * (without - empty)
            missing = len(states) - len(without)
            other = torch.cat([without, empty.expand(missing, -1, -1)]) if missing else without
            away = math.tan((1 - max(part.weight, 0.0)) * math.pi / 2) if part.weight > FAINTEST else 1 / FAINTEST
            mixture, total = mixture + away * other, total + away
        return (mixture / total).to(states.dtype), pooled

    def _plain(self, encoder: Encoder, ids: Tensor, lengths: Tensor, clip_skip: int) -> tuple[Tensor, Tensor | None]:
        """What the encoder makes of windows of tokens (W, L): (W, L, D), and the first one's pooled vector."""
        model = encoder.model
        device = model.device
        masks = None
        if getattr(model.config, "use_attention_mask", False):
            masks = (torch.arange(ids.shape[1]) < lengths[:, None]).long().to(device)
        output = model(ids.to(device), attention_mask=masks, output_hidden_states=True)
        pooled = getattr(output, "text_embeds", None)
        clip_skip = min(clip_skip, len(output.hidden_states))  # the embeddings are the first of them
        if self._penultimate:
            states = output.hidden_states[-max(clip_skip, 2)]
        elif clip_skip > 1:
            norm = getattr(model, "text_model", model).final_layer_norm
            states = norm(output.hidden_states[-clip_skip])
        else:
            states = output.last_hidden_state
        return states, None if pooled is None else pooled[0]

    def _tokens(self, encoder: Encoder, parts: Sequence[Part]) -> tuple[Tensor, Tensor, Tensor]:
        """Token numbers (W, L), their weights (W, L), and how many of each window are not padding (W,)."""
        tokenizer = encoder.tokenizer
        # A tokenizer that was saved without its length says 10³⁰.
        size = min(int(tokenizer.model_max_length), int(encoder.model.config.max_position_embeddings))
        ends = list(tokenizer("").input_ids)
        head, tail = (ends[:1], ends[-1:]) if len(ends) >= 2 else ([], ends)
        room = size - len(head) - len(tail)
        windows: list[list[tuple[int, float]]] = [[]]
        for part in parts:
            if part is BREAK:
                windows.append([])
                continue
            written = self._spelled(part.text)
            ids = tokenizer(written, add_special_tokens=False, truncation=False, verbose=False).input_ids
            for index in ids:
                if len(windows[-1]) == room:
                    windows.append([])
                windows[-1].append((index, part.weight))
        pad = tokenizer.pad_token_id
        if pad is None:
            pad = tail[0] if tail else 0
        rows, scales, lengths = [], [], []
        for window in windows:
            row = [*head, *(index for index, _ in window), *tail]
            scale = [1.0] * len(head) + [weight for _, weight in window]
            lengths.append(len(row))
            rows.append(row + [pad] * (size - len(row)))
            scales.append(scale + [1.0] * (size - len(scale)))
        return torch.tensor(rows), torch.tensor(scales), torch.tensor(lengths)

    def _spelled(self, text: str) -> str:
        if not self._extra:
            return text
        longest_first = sorted(self._extra, key=len, reverse=True)  # of names that begin alike
        words = "|".join(by_itself(token) for token in longest_first)
        return re.sub(words, lambda match: self._extra[match[0]], text)


def _private(token: str, count: int) -> list[str]:
    """What a tokenizer calls the vectors of a token: nothing that is ever typed, so that it finds none by itself."""
    return [f"\ue000{token.encode().hex()}.{number}\ue001" for number in range(count)]


def _told(side: tuple[tuple[int, str], ...], step: int) -> str:
    return next(text for last, text in side if step <= last)


def _merged(prompts: Sequence[Prompt]) -> list[Prompt]:
    """At least one prompt; those of weight 0 left out, equal ones taken together (one network pass, not two)."""
    weights: dict[tuple[str, str], float] = {}
    for prompt in prompts:
        key = (prompt.text, prompt.negative)
        weights[key] = weights.get(key, 0.0) + prompt.weight
    merged = [Prompt(text, negative, weight) for (text, negative), weight in weights.items() if weight != 0]
    return merged or [*prompts[:1]] or [Prompt("")]


def _weighed(states: Tensor, weights: Tensor, level: bool) -> Tensor:
    """Token vectors times their weights; with `level` each window brought back to its mean, as A1111 does.

    (W, L, D) by (W, L). Where the mean is too near zero to tell a scale, it is left alone.
    """
    if bool((weights == 1).all()):
        return states
    heavy = states.float() * weights[..., None]
    if not level:
        return heavy.to(states.dtype)
    ratio = states.float().mean(dim=(1, 2)) / heavy.mean(dim=(1, 2))
    ratio = torch.where((ratio > 0.5) & (ratio < 2.0), ratio, torch.ones_like(ratio))
    return (heavy * ratio[:, None, None]).to(states.dtype)
