"""The log-likelihood of a linear-chain CRF, with its gradients written out.

pytorch-crf adds up the normalizer by a dozen small operations a token, and automatic
differentiation goes through all of them again. Here a token takes one product with the transitions,
forward and backward (Rabiner 1989, equations 19 and 24, scaled as in section V.A); the gradients
are the gold tags minus their expectations. Sums are of float64, in which no tag of a network that
can still be trained vanishes; values and gradients are those of pytorch-crf.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LogLikelihood(torch.autograd.Function):
    """log p(tags | emissions) of each post: (B,)."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        start: Tensor,
        step: Tensor,
        end: Tensor,
        tags: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """The scores of tags and transitions to the likelihood of the gold tags.

        Args:
            ctx: keeps what `backward` reads.
            emissions: (B, T, K).
            start: the score of each first tag, (K,).
            step: the score of each tag (column) behind each other one (row), (K, K).
            end: the score of each last tag, (K,).
            tags: gold, (B, T) long.
            mask: (B, T), true from the left; each post has a token.
        """
        scores = emissions.double().transpose(0, 1)  # (T, B, K)
        first, moving, last = start.double(), step.double(), end.double()
        there, gold = mask.t()[:, :, None], tags.t()  # (T, B, 1), (T, B)
        ends = mask.sum(1) - 1  # (B,)

        highest = scores.amax(2, keepdim=True)  # (T, B, 1)
        steepest = moving.max()
        weights = (scores - highest).exp()  # (T, B, K)
        moves = (moving - steepest).exp()  # (K, K)
        closing = (last - last.max()).exp()  # (K,)

        opening = first + scores[0]
        highest[0] = opening.amax(1, keepdim=True)
        weights[0] = (opening - highest[0]).exp()
        # p(tag of token t | tokens up to t), and the sums that make it one
        filtered, sums = torch.empty_like(weights), torch.empty_like(highest)
        known, weight, total, inside = (x.unbind() for x in (filtered, weights, sums, there))
        now = weight[0]
        for t in range(len(scores)):
            if t:
                now = (known[t - 1] @ moves).mul_(weight[t])
            torch.sum(now, 1, keepdim=True, out=total[t])
            torch.div(now, total[t], out=known[t])
            if t:
                torch.where(inside[t], known[t], known[t - 1], out=known[t])
        closed = filtered[-1] @ closing  # (B,)

        normalizer = ((sums.log() + highest) * there).sum((0, 2))
        normalizer += closed.log() + last.max() + steepest * ends
        score = first[gold[0]] + last[gold.gather(0, ends[None])[0]]
        score += (scores.gather(2, gold[:, :, None]) * there).sum((0, 2))
        score += (moving[gold[:-1], gold[1:]] * there[1:, :, 0]).sum(0)

        ctx.save_for_backward(weights, moves, closing, filtered, sums, closed, tags, mask)
        return (score - normalizer).to(emissions.dtype)

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of each post's likelihood (B,) to those of the scores."""
        weights, moves, closing, filtered, sums, closed, tags, mask = ctx.saved_tensors
        width, (wanted,) = len(closing), given
        there = mask.t()[:, :, None].double()  # (T, B, 1)
        share = wanted.double()[:, None]  # (B, 1)
        gold = nn.functional.one_hot(tags.t(), width) * there  # (T, B, K)
        final = there - torch.cat([there[1:], torch.zeros_like(there[:1])])  # 1 at the last token

        # p(all tokens behind t | tag of t), by the same sums
        behind = torch.empty_like(filtered)
        behind[-1] = closing / closed[:, None]
        turned = moves.t().contiguous()
        inside = mask.t()[:, :, None]  # (T, B, 1)
        known, weight, total, inside = (x.unbind() for x in (behind, weights, sums, inside))
        for t in range(len(weights) - 1, 0, -1):
            torch.matmul(known[t] * weight[t], turned, out=known[t - 1]).div_(total[t])
            torch.where(inside[t], known[t - 1], known[t], out=known[t - 1])

        surplus = (gold - filtered * behind * there) * share  # (T, B, K)
        counted = (gold[:-1] * share).flatten(0, 1).t() @ gold[1:].flatten(0, 1)  # (K, K)
        entered = behind[1:] * weights[1:] / sums[1:] * there[1:] * share
        expected = moves * (filtered[:-1].flatten(0, 1).t() @ entered.flatten(0, 1))
        outward = (surplus * final).sum((0, 1))  # (K,)
        found = surplus.transpose(0, 1), surplus[0].sum(0), counted - expected, outward
        return (*(gradient.to(wanted.dtype) for gradient in found), None, None)
