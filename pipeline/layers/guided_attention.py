"""Attention of words over words that an image guides (Chen et al. 2021, equations 3 to 12).

Every word of a post asks about every word that goes with it, and every such pair asks about every
region of the image, feature by feature: written out, that is a tensor of words x words x regions x
features. Here a few of a post's words are taken at a time, all of 3 to 12 is computed for them, and
it is computed again when gradients are asked for, so that only the result is ever kept: memory
grows neither with the pairs nor with the regions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.layers.gates import FeatureGate
from pipeline.layers.recomputed import by_rows

LIMIT = 1 << 20  # numbers in the largest tensor; one word at a time may exceed it

Activation = Literal["elu", "relu", "sigmoid", "tanh"]
ACTIVATION = {
    "elu": nn.functional.elu,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


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

    Args:
        width: d_e, of a word's vector.
        regions: d_i, of a region's vector; None to read no image.
        inner: width inside σ; None: d_e, as printed.
        activation: σ.
    """

    def __init__(
        self,
        width: int,
        regions: int | None,
        inner: int | None = None,
        activation: Activation = "elu",
    ) -> None:
        super().__init__()
        inner = inner or width
        self.key = nn.Linear(width, inner, bias=False)  # W_x
        self.query = nn.Linear(width, inner, bias=False)  # W_q
        self.score = nn.Linear(inner, width, bias=False)  # W_t
        self.activation = ACTIVATION[activation]
        self.visual = None if regions is None else GuidedVisual(width, regions, inner, activation)

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
        weights = [self.score.weight]
        if self.visual is not None:
            weights += [self.visual.guide.weight, self.visual.score.weight]
            weights += self.visual.fusion.parameters()
        contexts = []
        for step, asked, given in self._posts(queries, mask, words, there, regions, has_image):
            found = by_rows(self._context, step, asked, given, weights)  # (t, d)
            contexts.append(_padded(found, mask.shape[1]))  # (T, d)
        return torch.stack(contexts)

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
        posts = self._posts(queries, mask, words, there, regions, has_image)
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
        regions: Tensor | None,
        has_image: Tensor,
    ) -> Iterator[tuple[int, Tensor, tuple[Tensor, ...]]]:
        """For each post the number of words to take at a time, their x W_q, and what they share."""
        asked, keys = self.query(queries), self.key(words)  # (B, T, h), (B, n, h)
        image = None
        if self.visual is not None and regions is not None:
            image = self.visual.read(regions)  # (B, N, h), (B, N, d)
        seeing = has_image.tolist()
        for post, length in enumerate(mask.sum(1).tolist()):
            held = there[post]  # (n,)
            kept = keys[post, held], words[post, held]  # (n_b, h), (n_b, d)
            seen = (image[0][post], image[1][post]) if image and seeing[post] else ()
            wide = len(kept[0]) * max(keys.shape[2], words.shape[2]) * (len(seen[0]) if seen else 1)
            step = max(1, LIMIT // wide)
            yield step, asked[post, :length], (*kept, *seen)

    def _fused(
        self, asked: Tensor, keys: Tensor, image: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor | None]:
        """F_r (c, n, d) of c words x of one post, and where they looked (c, n, N, d)."""
        scores = self.score(self.activation(keys + asked[:, None]))  # a_s (c, n, d)
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
    """

    def __init__(self, width: int, regions: int, inner: int, activation: Activation) -> None:
        super().__init__()
        self.guide = nn.Linear(width, inner, bias=False)  # W_s
        self.region = nn.Linear(regions, inner, bias=False)  # W_i
        self.score = nn.Linear(inner, width, bias=False)  # W_v
        self.value = nn.Linear(regions, width)  # V, v
        self.fusion = FeatureGate(width)
        self.activation = ACTIVATION[activation]

    def read(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Regions (B, N, d_i) as equation 7 reads them (B, N, inner), and as 9 does (B, N, d)."""
        return self.region(regions), self.value(regions)

    def forward(self, scores: Tensor, regions: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (c, n, d) and one image (N, inner), (N, d) to F_r (c, n, d), P (c, n, N, d)."""
        guided = self.guide(scores)[:, :, None] + regions  # (c, n, N, inner)
        weights = self.score(self.activation(guided)).softmax(2)  # (c, n, N, d)
        context = (weights * values).sum(2)  # C_v (c, n, d)
        fused, _ = self.fusion(context, scores)
        return fused, weights


def _padded(rows: Tensor, length: int) -> Tensor:
    """Rows (t, d) with zeros behind them (length, d)."""
    return nn.functional.pad(rows, (0, 0, 0, length - len(rows)))
