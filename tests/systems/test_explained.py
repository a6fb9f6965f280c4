"""What networks tell of what they looked at: weights where there is something, and nowhere else."""

import dataclasses

import pytest
import torch

from tests.systems.networks import (
    KNOWLEDGE,
    LENGTHS,
    MODALITIES,
    TEXT,
    TRIMOD,
    make,
    make_batch,
    make_phrase,
)


def test_modality_attention_weighs_the_modalities_that_are_there() -> None:
    network, batch = make(MODALITIES), make_batch([True, True, False, True])
    weights = network.explain(batch)["modality_weights"]  # (B, T, 3)
    torch.testing.assert_close(weights.nansum(2), torch.ones_like(batch.words, dtype=torch.float))
    assert weights[2, :, 2].isnan().all()
    assert not weights[[0, 1, 3]].isnan().any()
    # Without its image a post is the same as to the network of equation 5 with the same weights.
    text = make(MODALITIES, modalities=TEXT)
    state = network.state_dict()
    state["attention.score.weight"] = state["attention.score.weight"][:2, : 2 * 150]
    state["attention.score.bias"] = state["attention.score.bias"][:2]
    text.load_state_dict({k: v for k, v in state.items() if not k.startswith("transforms.image")})
    torch.testing.assert_close(network.encode(batch)[2], text.encode(batch)[2])


@pytest.mark.parametrize("fusion", ["additive", "scaled_dot"])
def test_trimod_weighs_the_phrases_that_are_there(fusion: str) -> None:
    network, batch = make(TRIMOD, fusion=fusion), make_batch([True] * 4)
    weights = network.explain(batch)["modality_weights"]  # (B, T, 3)
    torch.testing.assert_close(weights.sum(2), torch.ones_like(batch.words, dtype=torch.float))
    without, having = [0, 3], [1, 2]  # as `make_phrase` has them
    assert not weights[without, :, 1:].any()
    assert (weights[having] > 0).all()
    # A post without phrases is tagged as if there were no such words at all.
    noisy = {
        cache: dataclasses.replace(phrase, words=torch.randint(1, 20, phrase.words.shape))
        for cache, phrase in batch.phrases.items()
    }
    other = network.encode(dataclasses.replace(batch, phrases=noisy))
    change = (network.encode(batch) - other).abs().amax((1, 2))
    assert not change[without].any()
    assert (change[having] > 1e-5).all()


def test_attention_over_words_ends_with_the_post() -> None:
    network, batch = make("cwi_attention"), make_batch([True] * 4)
    weights = network.explain(batch)["word_weights"]  # (B, T, T)
    for post, length in enumerate(LENGTHS):
        torch.testing.assert_close(weights[post, :, :length].sum(1), torch.ones(max(LENGTHS)))
        assert weights[post, :, length:].isnan().all()
    assert make("cwi").explain(batch) == {}


def test_knowledge_and_attributes_are_attended_to_where_there_are_any() -> None:
    network, batch = make(KNOWLEDGE), make_batch([True, True, False, True])
    looked = network.explain(batch)
    steps = max(LENGTHS)
    regions = looked["region_weights"]  # (B, T, N)
    assert regions[2].isnan().all()
    for post, length in enumerate(LENGTHS):
        words = int(batch.phrases["knowledge"].mask[post].sum())
        known = looked["knowledge_weights"][post, :length]
        assert known.isnan().sum(1).tolist() == [known.shape[1] - words] * length
        named = looked["attribute_weights"][post, :length]
        assert bool(named.isnan().all()) == (not batch.phrases["attributes"].mask[post].any())
        own = looked["word_weights"][post, :length]
        assert own.isnan().sum(1).tolist() == [steps - length] * length
        total = own.nansum(1) + known.nansum(1) + named.nansum(1)
        torch.testing.assert_close(total, torch.ones(length))
        gate = looked["context_gate"][post, :length]
        assert gate.shape == (length, 1)
        assert ((gate > 0) & (gate < 1)).all()
        if post != 2:
            torch.testing.assert_close(regions[post, :length].sum(1), torch.ones(length))
    # A row of the paper's tables that lacks a modality is the network of which no post has any.
    nothing = make_phrase(len(LENGTHS))
    nothing = dataclasses.replace(nothing, mask=nothing.mask & False)
    for cache in ("knowledge", "attributes"):
        lacking = make(KNOWLEDGE, **{cache: False})
        lacking.load_state_dict(network.state_dict(), strict=False)
        masked = dataclasses.replace(batch, phrases=batch.phrases | {cache: nothing})
        torch.testing.assert_close(lacking.encode(batch), network.encode(masked))
        assert not torch.allclose(network.encode(batch), network.encode(masked), atol=1e-4)
        assert f"{cache.removesuffix('s')}_weights" not in lacking.explain(batch)
