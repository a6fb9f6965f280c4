"""Each system as its equations are printed, tensor by tensor: what a public implementation does.

Nothing is shared that a paper writes for each word: the characters of every token are read, an
image is laid beside every word, and attention is computed on tensors of words x regions x features.
The CRF is pytorch-crf's. A literal form holds the weights of a network of ours, so that loss and
gradients can be compared (`tests/benchmarks/test_literal.py`); posts have one length, and lack no
image and no phrase.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from benchmarks.training.pieces import (
    Coupled,
    EveryWord,
    Text,
    WordVectors,
    both_directions,
    last_states,
)
from pipeline.layers.attention import ConcatenatedAttention, TokenAttention
from pipeline.layers.crf import CRFDecoder
from pipeline.layers.fusion import AdditiveFusion
from pipeline.layers.guided_attention import GuidedAttention
from pipeline.layers.guided_context import ACTIVATION
from pipeline.systems.adaptive_coattention import AdaptiveCoAttention
from pipeline.systems.attributes_knowledge import AttributesKnowledge
from pipeline.systems.bilstm_crf import BiLSTMCRF
from pipeline.systems.cnn_bilstm_crf import CNNBiLSTMCRF
from pipeline.systems.cwi import CWI
from pipeline.systems.cwi_attention import CWIAttention
from pipeline.systems.modality_attention import ModalityAttentionNER
from pipeline.systems.system import Batch, System
from pipeline.systems.trimod import TriMod


class Literal(nn.Module, ABC):
    """The literal form of a network of ours."""

    def __init__(self, ours: System) -> None:
        super().__init__()
        assert isinstance(ours.decoder, CRFDecoder)
        self.emissions, self.crf = ours.decoder.emissions, ours.decoder.crf

    @abstractmethod
    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """What the CRF reads of a batch whose words have the characters (B, T, L): (B, T, d)."""

    def loss(self, batch: Batch) -> Tensor:
        """The mean negative log-likelihood, by pytorch-crf."""
        scores = self.emissions(self.encode(batch, batch.chars[batch.spelling]))  # (B, T, tags)
        loss: Tensor = -self.crf(scores, batch.tags, mask=batch.mask, reduction="mean")
        return loss


class LiteralText(Literal):
    """`bilstm_crf` and `cnn_bilstm_crf`."""

    def __init__(self, ours: BiLSTMCRF | CNNBiLSTMCRF) -> None:
        super().__init__(ours)
        self.text = Text(ours.text)

    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """The BiLSTM's output."""
        read: Tensor = self.text(batch.words, chars)
        return read


class LiteralCoAttention(Literal):
    """Equations 1 to 16 of Zhang et al. 2018."""

    def __init__(self, ours: AdaptiveCoAttention) -> None:
        super().__init__(ours)
        inner = ours.coattention
        assert isinstance(inner.visual, ConcatenatedAttention)
        assert isinstance(inner.textual, ConcatenatedAttention)
        assert ours.filtration is not None
        self.text, self.region = Text(ours.text), inner.region
        self.visual, self.textual = Concatenated(inner.visual), Concatenated(inner.textual)
        self.fusion, self.filtration = inner.fusion, ours.filtration

    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """The CRF reads h ⊕ u."""
        h = self.text(batch.words, chars)  # (B, T, d)
        seen = self.region(batch.features["regions"]).tanh()  # (B, N, d)
        image = self.visual(seen, h)  # v̂ (B, T, d)
        fused, _ = self.fusion(image, self.textual(h, image))  # (B, T, d)
        return torch.cat([h, self.filtration(h, fused)[0]], 2)


class Concatenated(nn.Module):
    """z_t = tanh(W k ⊕ (W q + b)), α_t = softmax(W z_t + b), for every query by itself.

    The weights that ours leaves out, because they change nothing, are drawn here.
    """

    def __init__(self, ours: ConcatenatedAttention) -> None:
        super().__init__()
        hidden, width = ours.key.weight.shape
        self.key, self.key_score = ours.key, ours.score
        self.query, self.query_score = nn.Linear(width, hidden), nn.Linear(hidden, 1)

    def forward(self, keys: Tensor, queries: Tensor) -> Tensor:
        """Keys (B, N, d) and queries (B, Q, d) to the weighted sums of the keys (B, Q, d)."""
        shape = (-1, queries.shape[1], keys.shape[1], -1)
        of_keys = self.key(keys[:, None].expand(shape))  # (B, Q, N, hidden)
        of_queries = self.query(queries[:, :, None].expand(shape))  # (B, Q, N, hidden)
        score = torch.cat([self.key_score.weight, self.query_score.weight], 1)  # (1, 2 hidden)
        z = torch.cat([of_keys, of_queries], 3).tanh()
        scores = nn.functional.linear(z, score, self.query_score.bias)  # (B, Q, N, 1)
        return (scores.softmax(2) * keys[:, None]).sum(2)


class LiteralKnowledge(Literal):
    """Equations 1 to 14 of Chen et al. 2021."""

    def __init__(self, ours: AttributesKnowledge) -> None:
        super().__init__(ours)
        assert ours.attributes is not None
        assert ours.knowledge
        assert ours.bilstm is None
        self.read = WordVectors(ours.words, ours.characters, ours.dropout.rate)
        self.attributes, self.attention = ours.attributes, Guided(ours.attention)
        self.fusion, self.dropout = ours.fusion, nn.Dropout(ours.dropout.rate)

    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """O of equation 14."""
        x = self.read(batch.words, chars)  # (B, T, d)
        parts = {
            cache: self.read(phrase.words, batch.chars[phrase.spelling])
            for cache, phrase in batch.phrases.items()
        }  # (B, K, d) each
        average = self.attributes(parts["attributes"], batch.phrases["attributes"].weights)
        words = torch.cat([x, parts["knowledge"], average[:, None]], 1)  # (B, n, d)
        context = self.attention(x, words, batch.features["regions"])
        encoded: Tensor = self.dropout(self.fusion(context, x)[0])
        return encoded


class Guided(nn.Module):
    """Equations 3 to 12, on tensors of words x words x regions x features."""

    def __init__(self, ours: GuidedAttention) -> None:
        super().__init__()
        assert ours.visual is not None
        assert ours.visual.score is not None, "the literal form is the printed one"
        self.key, self.query, self.score = ours.key, ours.query, ours.score
        self.visual, self.score_of_region = ours.visual, ours.visual.score
        self.activation = ACTIVATION[ours.activation]

    def forward(self, x: Tensor, words: Tensor, regions: Tensor) -> Tensor:
        """Words x (B, T, d), those attended to (B, n, d), regions (B, N, d_i) to C (B, T, d)."""
        visual = self.visual
        asked = self.key(words)[:, None] + self.query(x)[:, :, None]
        a_s = self.score(self.activation(asked))  # (B, T, n, d)
        seen = visual.region(regions)[:, None, None]  # (B, 1, 1, N, d)
        guided = visual.guide(a_s)[:, :, :, None] + seen  # (B, T, n, N, d)
        a_v = self.score_of_region(self.activation(guided))
        c_v = (a_v.softmax(3) * visual.value(regions)[:, None, None]).sum(3)  # (B, T, n, d)
        f_r, _ = visual.fusion(c_v, a_s)  # (B, T, n, d)
        context: Tensor = (f_r.softmax(2) * words[:, None]).sum(2)
        return context


class LiteralCWI(Literal):
    """Tables 4 to 7 of Asgari-Chenaghlu et al. 2022."""

    def __init__(self, ours: CWI) -> None:
        super().__init__(ours)
        self.words, self.characters = Text(ours.words), EveryWord(ours.characters)
        self.image, self.fusion = ours.image, both_directions(ours.fusion)
        self.dropout = nn.Dropout(ours.dropout.rate)

    def fuse(self, batch: Batch, chars: Tensor) -> Tensor:
        """Layers 1 to 31: (B, T, hidden)."""
        image = self.image(batch.features["image_words"])  # (B, image_hidden)
        image = image[:, None].repeat(1, batch.words.shape[1], 1)
        spelled = self.dropout(self.characters(chars))  # (B, T, width)
        read = torch.cat([spelled, self.words(batch.words, chars), image], 2)
        fused: Tensor = self.fusion(read)[0]
        return fused

    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """Layer 31."""
        encoded: Tensor = self.dropout(self.fuse(batch, chars))
        return encoded


class LiteralCWIAttention(LiteralCWI):
    """The same with equations 13 to 15 over the tokens."""

    def __init__(self, ours: CWIAttention) -> None:
        super().__init__(ours)
        assert isinstance(ours.attention, TokenAttention)
        assert not ours.both
        self.query = ours.attention.query

    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """The CRF reads β."""
        h = self.fuse(batch, chars)
        u = self.query(h).tanh()  # (B, T, hidden)
        weights = torch.bmm(u, h.transpose(1, 2)).softmax(2)  # (B, T, T)
        attended: Tensor = self.dropout(torch.bmm(weights, h))
        return attended


class LiteralModalityAttention(Literal):
    """Equations 1 to 5 of Moon et al. 2018."""

    def __init__(self, ours: ModalityAttentionNER) -> None:
        super().__init__(ours)
        assert ours.words is not None
        assert ours.characters is not None
        assert ours.transforms is not None
        assert ours.attention is not None
        self.words, self.characters = ours.words.lookup, EveryWord(ours.characters)
        self.transforms, self.activation = ours.transforms, ours.activation
        self.attention, self.bilstm = ours.attention, Coupled(ours.bilstm)
        self.dropout = nn.Dropout(ours.dropout.rate)

    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """The entity BiLSTM's output."""
        image = batch.features["tags"][:, None].repeat(1, batch.words.shape[1], 1)
        read = {
            "words": self.words(batch.words),
            "characters": self.characters(chars),
            "image": image,
        }  # (B, T, its width) each
        x = [self.activation(self.transforms[n](self.dropout(read[n]))) for n in read]
        scores = self.attention.squash(self.attention.score(torch.cat(x, 2)))  # (B, T, M)
        weights = scores.softmax(2).unbind(2)  # (B, T) each
        fused = torch.stack([w[..., None] * one for w, one in zip(weights, x, strict=True)]).sum(0)
        encoded: Tensor = self.dropout(self.bilstm(fused))
        return encoded


class LiteralTriMod(Literal):
    """Equations 1 to 12 of Alfaqeeh 2024."""

    def __init__(self, ours: TriMod) -> None:
        super().__init__(ours)
        assert isinstance(ours.fusion, AdditiveFusion)
        assert ours.norm is None
        assert not ours.l1
        self.read = WordVectors(ours.words, ours.characters, ours.dropout.rate)
        self.text, self.fusion = both_directions(ours.text), ours.fusion
        self.phrases = nn.ModuleDict(
            {c: both_directions(layer) for c, layer in ours.phrases.items()}
        )
        self.dropout = nn.Dropout(ours.output_dropout.rate)

    def encode(self, batch: Batch, chars: Tensor) -> Tensor:
        """The CRF reads f_s of equation 12."""
        features = [self.text(self.read(batch.words, chars))[0]]  # (B, T, hidden)
        for cache, layer in self.phrases.items():
            phrase = batch.phrases[cache]
            read = self.read(phrase.words, batch.chars[phrase.spelling])  # (B, K, width)
            last = last_states(layer, read)  # (B, hidden)
            features.append(last[:, None].repeat(1, batch.words.shape[1], 1))
        features = [self.dropout(one) for one in features]
        exps = [self.fusion.score(self.fusion.inner(one).tanh()).exp() for one in features]
        total = torch.stack(exps).sum(0)  # (B, T, 1)
        parts = [exp * one for exp, one in zip(exps, features, strict=True)]
        fused: Tensor = self.dropout(torch.stack(parts).sum(0) / total)
        return fused


LITERAL: dict[str, type[Literal]] = {
    "bilstm_crf": LiteralText,
    "cnn_bilstm_crf": LiteralText,
    "adaptive_coattention": LiteralCoAttention,
    "attributes_knowledge": LiteralKnowledge,
    "cwi": LiteralCWI,
    "cwi_attention": LiteralCWIAttention,
    "modality_attention": LiteralModalityAttention,
    "trimod": LiteralTriMod,
}
