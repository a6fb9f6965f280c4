"""The gates of the adaptive co-attention network (Zhang et al. 2018) and of Chen et al. 2021."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GatedFusion(nn.Module):
    """Gated multimodal fusion of an image vector and a text vector.

    h_v = tanh(W_v v + b_v), h_x = tanh(W_x x + b_x), g = σ(W_g (h_v ⊕ h_x)) and
    m = g h_v + (1 - g) h_x. The size of W_g is not printed; the paper writes the product of the
    gate without ⊙, as for the filtration gate, which it calls a scalar: one gate a step is the
    default, `per_feature` gives one gate a feature (Arevalo et al. 2017).
    """

    def __init__(self, width: int, per_feature: bool = False) -> None:
        super().__init__()
        self.image = nn.Linear(width, width)
        self.text = nn.Linear(width, width)
        self.gate = nn.Linear(2 * width, width if per_feature else 1, bias=False)
        self.width = width

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Image and text vectors (B, T, d) to the fused (B, T, d) and the gate (B, T, 1 or d)."""
        seen, read = self.image(image).tanh(), self.text(text).tanh()  # (B, T, d) each
        gate = self.gate(torch.cat([seen, read], 2)).sigmoid()  # (B, T, 1 or d)
        return gate * seen + (1 - gate) * read, gate


class ConcatenatedFusion(nn.Module):
    """The same without the gate: m = h_v ⊕ h_x (the paper's ablation CBCFiC)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.image = nn.Linear(width, width)
        self.text = nn.Linear(width, width)
        self.width = 2 * width

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, None]:
        """Image and text vectors (B, T, d) to the fused (B, T, 2 d); there is no gate."""
        return torch.cat([self.image(image).tanh(), self.text(text).tanh()], 2), None


class FiltrationGate(nn.Module):
    """How much of the fused vector reaches the decoder beside the word.

    s_t = σ(W_sh h_t ⊕ (W_ms m_t + b_ms)), u_t = s_t tanh(W_m m_t + b_m). The paper calls s_t a
    scalar, which the σ of a concatenation is not: ⊕ is read as the sum of two scalars. The longer
    reading (project both, concatenate, project to one number) is the same class of functions.
    """

    def __init__(self, words: int, fused: int, width: int) -> None:
        super().__init__()
        self.from_word = nn.Linear(words, 1, bias=False)
        self.from_fused = nn.Linear(fused, 1)
        self.kept = nn.Linear(fused, width)
        self.width = width

    def forward(self, words: Tensor, fused: Tensor) -> tuple[Tensor, Tensor]:
        """Words (B, T, words) and fused (B, T or 1, fused) to u (B, T, width) and s (B, T, 1)."""
        gate = (self.from_word(words) + self.from_fused(fused)).sigmoid()  # (B, T, 1)
        return gate * self.kept(fused).tanh(), gate


class FeatureGate(nn.Module):
    """A gate for each feature between two vectors of one space.

    Chen et al. 2021, equations 10 and 11, 13 and 14: G = sigmoid(W_1 a + W_2 c + b), and
    G ⊙ c + (1 - G) ⊙ a.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.from_context = nn.Linear(width, width, bias=False)
        self.from_given = nn.Linear(width, width)

    def forward(self, context: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Contexts c and what they are given to, a, (..., d) each, to the fused and G (..., d)."""
        gate = (self.from_context(context) + self.from_given(given)).sigmoid()  # (..., d)
        return gate * context + (1 - gate) * given, gate
