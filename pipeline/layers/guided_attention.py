"""Attention of words over words that an image guides (Chen et al. 2021, equations 3 to 12).

Every word of a post asks about every word that goes with it, and every such pair asks about every
region of the image, feature by feature: written out, that is a tensor of words x words x regions x
features. Here a few of a post's words are taken at a time, all of 3 to 12 is computed for them, and
it is computed again when gradients are asked for, so that only the result is ever kept: memory
grows neither with the pairs nor with the regions. Where a product scores a region for all features,
the weights of all pairs are small enough to keep, and `GuidedContext` computes less.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.layers.gates import FeatureGate
from pipeline.layers.guided_context import ACTIVATION, Activation, GuidedContext
from pipeline.layers.recomputed import by_rows

LIMIT = 1 << 20  # numbers in the largest tensor; one word at a time may exceed it

WITHOUT_IMAGE = 2  # a post's words share its keys and its vectors; an image adds two tensors

RegionScores = Literal["features", "product"]


class GuidedAttention(nn.Module):
    """From words x and all that goes with them w to C(x), the context of each.

        a_s(i) = W_t σ(w_i W_x + x W_q)                         (3, 6), feature-wise self-attention
        a_v(i, j) = W_v σ(a_s(i) W_s + I_j W_i)                 (7), for each region I_j
        C_v(i) = Σ_j softmax_j(a_v(i, j)) ⊙ I_j                 (8, 9), for each feature
        G = sigmoid(W_1 a_s + W_2 C_v + b)                      (10)
        F_r = G ⊙ C_v + (1 - G) ⊙ a_s                           (11)
        C(x) = Σ_i softmax_i(F_r(i)) ⊙ w_i                      (4, 12), for each feature

    Equation 9 multiplies I_j with a vector of another width: there, I_j stands for V I_j + v, as
    wide as a word. σ is "an activation function". Without an image F_r is a_s, which makes the
    whole the self-attention of equations 3 to 5.

    As printed, W_v has a row for each feature, whose softmax (8) is its own. A product, which is
    ours, gives each region one score, and so one weight, which all features share:

        a_v(i, j) = (a_s(i) W_s) · (I_j W_i) / √h               (h: the width of both)

    Args:
        width: d_e, of a word's vector.
        regions: d_i, of a region's vector; None to read no image.
        inner: width inside σ; None: d_e, as printed.
        activation: σ.
        region_scores: how a_v is made, `features` or `product`.
    """

    def __init__(
        self,
        width: int,
        regions: int | None,
        inner: int | None = None,
        activation: Activation = "elu",
        region_scores: RegionScores = "features",
    ) -> None:
        super().__init__()
        inner = inner or width
        self.key = nn.Linear(width, inner, bias=False)  # W_x
        self.query = nn.Linear(width, inner, bias=False)  # W_q
        self.score = nn.Linear(inner, width, bias=False)  # W_t
        self.activation = activation
        self.visual = None
        if regions is not None:
            self.visual = GuidedVisual(width, regions, inner, activation, region_scores)

    def forward(
        self,
        queries: Tensor,
        mask: Tensor,
        words: Tensor,
        there: Tensor,
        regions: Tensor | None,
        has_image: Tensor,
    ) -> Tensor:
        """The context of each word.

        Args:
            queries: x (B, T, d).
            mask: which queries are there (B, T), true from the left.
            words: w (B, n, d), all that is attended to.
            there: which of them each post has (B, n); at least one.
            regions: I (B, N, d_i), unless no image is read.
            has_image: (B,) bool.

        Returns:
            C (B, T, d), zeros where the mask is false.
        """
        image: tuple[Tensor, ...] = ()
        shared = None
        if self.visual is not None and regions is not None:
            image = self.visual.read(regions)
            if self.visual.score is None:
                image, shared = self.visual.products(self.score.weight, *image)
        weights = [self.score.weight, *(self.visual.of_pairs() if self.visual else ())]
        found = []  # (t, d) each
        for step, asked, given in self._posts(queries, mask, words, there, image, has_image):
            if shared is not None and len(given) > WITHOUT_IMAGE:
                found.append(_by_products(self.activation, asked, given, shared))
            else:
                found.append(by_rows(self._context, step, asked, given, weights))
        contexts = found[0].new_zeros(mask.numel(), words.shape[2])
        return contexts.index_copy(0, _places(mask), torch.cat(found)).view(*mask.shape, -1)

    @torch.no_grad()
    def weights(
        self,
        queries: Tensor,
        mask: Tensor,
        words: Tensor,
        there: Tensor,
        regions: Tensor | None,
        has_image: Tensor,
    ) -> tuple[Tensor, Tensor | None]:
        """What each word looked at, as means over the features; arguments as for `forward`.

        Returns:
            The weights of the words (B, T, n), NaN for those that a post does not have, and those
            of the regions (B, T, N), each word's by the weight it had, NaN without an image; None
            if no image is read.
        """
        over_words = queries.new_full((*mask.shape, words.shape[1]), torch.nan)  # (B, T, n)
        over_regions = None
        if regions is not None:
            over_regions = queries.new_full((*mask.shape, regions.shape[1]), torch.nan)  # (B, T, N)
        image = self.visual.read(regions) if self.visual and regions is not None else ()
        posts = self._posts(queries, mask, words, there, image, has_image)
        for post, (step, asked, given) in enumerate(posts):
            looked = [self._looked(part, *given) for part in asked.split(step)]
            length = int(mask[post].sum())
            columns = there[post].nonzero()[:, 0]
            over_words[post, :length, columns] = torch.cat([found for found, _ in looked])
            seen = [found for _, found in looked if found is not None]
            if over_regions is not None and seen:
                over_regions[post, :length] = torch.cat(seen)
        return over_words, over_regions

    def _posts(
        self,
        queries: Tensor,
        mask: Tensor,
        words: Tensor,
        there: Tensor,
        image: tuple[Tensor, ...],
        has_image: Tensor,
    ) -> Iterator[tuple[int, Tensor, tuple[Tensor, ...]]]:
        """For each post the number of words to take at a time, their x W_q, and what they share.

        Of `image` (B, ...) each post has its own; one without an image has none.
        """
        asked, keys = self.query(queries), self.key(words)  # (B, T, h), (B, n, h)
        lengths, counts = mask.sum(1).tolist(), there.sum(1).tolist()
        parts = [
            _rows(asked, mask).split(lengths),  # (t, h) each
            _rows(keys, there).split(counts),  # (n_b, h)
            _rows(words, there).split(counts),  # (n_b, d)
        ]
        parts += [part.unbind() for part in image]  # of `read`: (N, h), (N, d)
        for sees, (x, *given) in zip(has_image.tolist(), zip(*parts, strict=True), strict=True):
            held = given if sees else given[:WITHOUT_IMAGE]
            wide = len(held[0]) * max(keys.shape[2], words.shape[2])
            if len(held) > WITHOUT_IMAGE:
                wide *= len(held[2])
            yield max(1, LIMIT // wide), x, tuple(held)

    def _fused(
        self, asked: Tensor, keys: Tensor, image: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor | None]:
        """F_r (c, n, d) of c words x of one post, and where they looked (c, n, N, d)."""
        hidden = ACTIVATION[self.activation](keys + asked[:, None])  # (c, n, h)
        scores = self.score(hidden)  # a_s (c, n, d)
        if self.visual is None or not image:
            return scores, None
        return self.visual(scores, *image)  # type: ignore[no-any-return]

    def _context(self, asked: Tensor, keys: Tensor, words: Tensor, *image: Tensor) -> Tensor:
        """C (c, d) of c words of one post."""
        fused, _ = self._fused(asked, keys, image)
        return (fused.softmax(1) * words).sum(1)

    def _looked(
        self, asked: Tensor, keys: Tensor, words: Tensor, *image: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Weights over words (c, n) and regions (c, N), means over the features."""
        fused, seen = self._fused(asked, keys, image)
        weights = fused.softmax(1)  # (c, n, d)
        del words
        if seen is None:
            return weights.mean(2), None
        return weights.mean(2), (weights[:, :, None] * seen).sum(1).mean(2)


class GuidedVisual(nn.Module):
    """Equations 7 to 11: where the scores a_s look in the image, and both of them fused.

    Args:
        width: d_e, of a score.
        regions: d_i, of a region's vector.
        inner: width inside σ.
        activation: σ.
        region_scores: how a_v is made, `features` or `product`.
    """

    def __init__(
        self,
        width: int,
        regions: int,
        inner: int,
        activation: Activation,
        region_scores: RegionScores,
    ) -> None:
        super().__init__()
        self.guide = nn.Linear(width, inner, bias=False)  # W_s
        self.region = nn.Linear(regions, inner, bias=False)  # W_i
        # Drawn in any case, so that no later layer begins otherwise.
        score = nn.Linear(inner, width, bias=False)
        self.score = score if region_scores == "features" else None  # W_v
        self.value = nn.Linear(regions, width)  # V, v
        self.fusion = FeatureGate(width)
        self.activation = ACTIVATION[activation]

    def read(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Regions (B, N, d_i) as equation 7 reads them (B, N, inner), and as 9 does (B, N, d)."""
        return self.region(regions), self.value(regions)

    def forward(self, scores: Tensor, regions: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """F_r (c, n, d) and P (c, n, N, d or 1) of one image.

        Args:
            scores: a_s (c, n, d).
            regions: the image as equation 7 reads it (N, inner).
            values: and as equation 9 does (N, d).
        """
        guided = self.guide(scores)  # (c, n, inner)
        if self.score is None:
            asked = guided @ regions.T / guided.shape[2] ** 0.5  # (c, n, N)
            weights = asked.softmax(2)[..., None]
        else:
            weights = self.score(self.activation(guided[:, :, None] + regions)).softmax(2)
        context = (weights * values).sum(2)  # C_v (c, n, d)
        fused, _ = self.fusion(context, scores)
        return fused, weights

    def of_pairs(self) -> list[Tensor]:
        """The weights that `forward` reads."""
        layers = [self.guide, self.score, self.fusion]
        return [weight for layer in layers if layer is not None for weight in layer.parameters()]

    def products(
        self, score: Tensor, regions: Tensor, values: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, Tensor]]:
        """What `GuidedContext` multiplies with, for scores that are products.

        Args:
            score: W_t (d, inner).
            regions: of images, as `read` gives them (B, N, inner).
            values: the same (B, N, d).

        Returns:
            Of each image the parts of `Shared` from `regions` on, and the rest, of all of them.
        """
        from_context, from_given = self.fusion.from_context.weight, self.fusion.from_given
        with torch.autocast(score.device.type, enabled=False):
            regions, values = regions.to(score.dtype), values.to(score.dtype)
            scored = regions @ (self.guide.weight @ score / regions.shape[2] ** 0.5)
            # The weights of the regions sum to one: b is a part of what each of them gives.
            gated = nn.functional.linear(values, from_context, from_given.bias)
            return (scored, values, gated), (score, from_given.weight @ score)


def _by_products(
    activation: Activation, asked: Tensor, given: tuple[Tensor, ...], shared: tuple[Tensor, ...]
) -> Tensor:
    """C (t, d) of the words of one post; the arguments of `GuidedContext`, of any precision."""
    with torch.autocast(asked.device.type, enabled=False):  # it sums over pairs of words
        exact = [part.to(shared[0].dtype) for part in (asked, *given)]
        context: Tensor = GuidedContext.apply(activation, *exact, *shared)
    return context


def _places(mask: Tensor) -> Tensor:
    return mask.flatten().nonzero()[:, 0]


def _rows(vectors: Tensor, mask: Tensor) -> Tensor:
    """Of vectors (B, T, d) those that are there (B, T), one below the other."""
    return vectors.flatten(0, 1).index_select(0, _places(mask))
