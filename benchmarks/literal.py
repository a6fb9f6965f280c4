"""The adaptive co-attention network as its equations are printed, tensor by tensor.

Nothing is shared that the paper writes for each word: the characters of every token are convolved,
the image is projected and attended to for every word, on tensors of words x regions x features. The
public implementation that the benchmark of training is named after computes so. Sizes and losses
are those of `pipeline.systems.adaptive_coattention` with the preset `published`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchcrf import CRF

from pipeline.systems.adaptive_coattention import Model
from pipeline.systems.system import Batch, Inputs


class LiteralCoAttention(nn.Module):
    """Equations 1 to 16 of Zhang et al. 2018, broadcast."""

    def __init__(self, model: Model, inputs: Inputs, region_width: int) -> None:
        super().__init__()
        d, k = model.hidden, model.attention_width
        self.words = nn.Embedding.from_pretrained(inputs.table, freeze=False)
        self.characters = nn.Embedding(inputs.characters, model.char_width, padding_idx=0)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(model.char_width, model.char_filters, window) for window in model.char_windows
        )
        width = inputs.table.shape[1] + model.char_filters * len(model.char_windows)
        self.dropout = nn.Dropout(model.dropout)
        self.bilstm = nn.LSTM(width, d // 2, batch_first=True, bidirectional=True)
        self.region = nn.Linear(region_width, d)
        self.image_key, self.image_query = nn.Linear(d, k, bias=False), nn.Linear(d, k)
        self.image_score = nn.Linear(2 * k, 1)
        self.text_key, self.text_query = nn.Linear(d, k, bias=False), nn.Linear(d, k)
        self.text_score = nn.Linear(2 * k, 1)
        self.image_side, self.text_side = nn.Linear(d, d), nn.Linear(d, d)
        self.gate = nn.Linear(2 * d, 1)
        self.filter_text, self.filter_fused = nn.Linear(d, d), nn.Linear(d, d, bias=False)
        self.filter_out = nn.Linear(d, d)
        self.emissions, self.crf = (
            nn.Linear(2 * d, len(inputs.tags)),
            CRF(len(inputs.tags), batch_first=True),
        )

    def loss(self, batch: Batch, chars: Tensor) -> Tensor:
        """The loss of a batch whose tokens have the characters `chars` (B, T, L)."""
        posts, steps, length = chars.shape
        spelled = self.characters(chars.view(-1, length)).transpose(1, 2)  # (B T, width, L)
        spelled = torch.cat([c(spelled).tanh().amax(2) for c in self.convolutions], 1)
        read = torch.cat([self.words(batch.words), spelled.view(posts, steps, -1)], 2)
        h = self.dropout(self.bilstm(self.dropout(read))[0])  # (B, T, d)
        seen = self.region(batch.features["regions"]).tanh()  # (B, N, d)
        image = self._attended(seen, h, self.image_key, self.image_query, self.image_score)
        text = self._attended(h, image, self.text_key, self.text_query, self.text_score)
        image, text = self.image_side(image).tanh(), self.text_side(text).tanh()
        gate = self.gate(torch.cat([image, text], 2)).sigmoid()
        fused = gate * image + (1 - gate) * text
        kept = (self.filter_text(h) + self.filter_fused(fused)).sigmoid()
        kept = kept * self.filter_out(fused).tanh()
        scores = self.emissions(torch.cat([h, kept], 2))
        loss: Tensor = -self.crf(scores, batch.tags, mask=batch.mask, reduction="mean")
        return loss

    def _attended(
        self, keys: Tensor, queries: Tensor, key: nn.Module, query: nn.Module, score: nn.Module
    ) -> Tensor:
        """z_t = tanh(W k ⊕ (W q + b)), α_t = softmax(W z_t + b), for every query: (B, Q, d)."""
        shape = (-1, queries.shape[1], keys.shape[1], -1)
        every = key(keys[:, None].expand(*shape)), query(queries[:, :, None].expand(*shape))
        weights = score(torch.cat(every, 3).tanh())[..., 0].softmax(2)  # (B, Q, N)
        found: Tensor = (weights[..., None] * keys[:, None]).sum(2)
        return found
