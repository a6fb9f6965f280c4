"""Tiny random encoders of each kind, as folders in the format of `transformers`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from pipeline.corpus.posts import Post, write_posts
from pipeline.params.context import Encode

WIDTH, LAYERS = 32, 2
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#@:/.'é…"
SPECIALS = ["<pad>", "<unk>", "<s>", "</s>"]
MORE = ["the", "in", "ing", "at", "er", "an", "on", "Ko", "be", "http", "co"]
SIZES: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "pad_token_id": 0,
    "initializer_range": 0.4,
}
POSITIONS = {"max_position_embeddings": 130}

# Words that tokenizers treat in their own ways: some lose them wholly.
ODD = ["\ufe0f", "\u00a0", "😀", "❤\ufe0f", "#KobeBryant", "@user", "Café", "<s>", "[SEP]", "…"]
ODD += ["x" * 40]
PLAIN = [
    "Kobe",
    "Bryant",
    "is",
    "in",
    "the",
    "city",
    "at",
    "http://t.co/abc",
    "on",
    "an",
    "evening",
]


def _wordpiece() -> Tokenizer:
    pieces = [*SPECIALS, *LETTERS, *(f"##{c}" for c in LETTERS), *MORE, *(f"##{m}" for m in MORE)]
    vocab = {piece: place for place, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="<unk>", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _bytes() -> Tokenizer:
    pieces = [*SPECIALS, *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġt", "Ġth", "in"]
    merges = [("Ġ", "t"), ("Ġt", "h"), ("i", "n")]
    tokenizer = Tokenizer(models.BPE({p: at for at, p in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _sentencepieces() -> Tokenizer:
    pieces = [*SPECIALS, "▁", *LETTERS, *MORE, *(f"▁{more}" for more in MORE)]
    tokenizer = Tokenizer(models.Unigram([(p, -1.0 - len(p) % 3) for p in pieces], unk_id=1))
    strip = [normalizers.Replace("\ufe0f", ""), normalizers.NFKC(), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(strip)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


KINDS: dict[str, tuple[type[Any], dict[str, Any], Callable[[], Tokenizer]]] = {
    "bert": (transformers.BertConfig, POSITIONS, _wordpiece),
    "roberta": (transformers.RobertaConfig, POSITIONS, _bytes),
    "xlm-roberta": (transformers.XLMRobertaConfig, POSITIONS, _sentencepieces),
    "deberta-v2": (
        transformers.DebertaV2Config,
        {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16}
        | POSITIONS,
        _sentencepieces,
    ),
}


def tokenizer_of(kind: str) -> Tokenizer:
    """The tokenizer of a kind, with special pieces, and cut and padded as some files are."""
    tokenizer = KINDS[kind][2]()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIALS])
    ids = [("<s>", 2), ("</s>", 3)]
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ids)
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer


def save(folder: Path, kind: str = "bert", seed: int = 1, **sizes: Any) -> Any:
    """Write a tiny random encoder; returns the network."""
    config, more, _ = KINDS[kind]
    tokenizer = tokenizer_of(kind)
    torch.manual_seed(seed)
    made = config(**{"vocab_size": tokenizer.get_vocab_size(), **SIZES, **more, **sizes})
    network = transformers.AutoModel.from_config(made).eval()
    network.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return network


def save_bertweet(folder: Path) -> Any:
    """BERTweet has no tokenizer.json, but a vocabulary and merges of its own."""
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("".join(f"{c} 1\n{c}@@ 1\n" for c in LETTERS))
    (folder / "bpe.codes").write_text("K o 1\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertweetTokenizer"})
    )
    torch.manual_seed(1)
    sizes = {**SIZES, **POSITIONS, "pad_token_id": 1}
    config = transformers.RobertaConfig(
        vocab_size=200, tokenizer_class="BertweetTokenizer", **sizes
    )
    network = transformers.AutoModel.from_config(config).eval()
    network.save_pretrained(folder)
    return network


def params(folder: Path, **other: Any) -> Encode:
    given = {
        "encoder": "transformers",
        "weights": str(folder),
        "sha256": None,
        "width": WIDTH,
        "layers": [0, 1, 2],
        "pieces": "mean",
        "fold_urls": False,
        "window": 48,
        "overlap": 12,
        "precision": "float32",
    }
    return Encode(**{**given, **other})


def write(path: Path, texts: list[list[str]]) -> Path:
    """A table of posts with these words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        Post(f"train/{at}", "train", None, tuple(words), ("O",) * len(words), at)
        for at, words in enumerate(texts)
    ]
    write_posts(rows, path)
    return path
