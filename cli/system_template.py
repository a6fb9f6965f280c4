"""The file that `mner new-system` writes: a network that trains as it is, to be replaced."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.systems.system import ImageClasses, PhraseWords, Read, StoreOutput

LINE = 100  # characters, as ruff has it
ALONE = "words and characters through a BiLSTM\nand a CRF"
BESIDE = "words and characters through a BiLSTM,\na summary of each cache beside every word, a CRF"
TORCH = "import torch\nfrom pydantic import Field\nfrom torch import Tensor, nn\n\n"
SIZE = "\n    width: int = Field(ge=1)  # a cache is summed up in so many numbers\n"
HEAD = '''\
"""{title}: name the paper here, its equations, and what it leaves open.

`mner new-system` wrote this network: {network}. Put the paper's in its place.
"""

from __future__ import annotations

'''
IMPORTS = """\
from pipeline.layers.crf import CRFDecoder
from pipeline.layers.text import SpelledTextSizes, spelled_word_encoder
"""
BODY = '''\


class Model(SystemModel, SpelledTextSizes):
    """The network's sizes."""
{sizes}

class {title}(System):
    """The whole network."""

    class Params(SystemParams):
        """The block `systems.{name}`."""

        model: Model
{reads}
    def __init__(self, params: Params, inputs: Inputs) -> None:
        super().__init__(params, inputs)
        model = params.model
        context = inputs.context(params.context)
        self.text = spelled_word_encoder(
            model, inputs.table, inputs.found, inputs.characters, context
        )
{layers}        self.decoder = CRFDecoder({width}, inputs.tags, model.constrained)

    def encode(self, batch: Batch) -> Tensor:
        """What the CRF reads: (B, T, {width_in_words})."""
        words: Tensor = self.text(
            batch.words, batch.chars, batch.spelling, batch.mask, batch.context
        )
{joined}'''
JOINED = """\
        summaries = [
{summaries}        ]
        beside = torch.cat(summaries, 1)  # (B, {count} * width)
        return torch.cat([words, beside[:, None].expand(-1, words.shape[1], -1)], 2)
"""
LAYER = {
    StoreOutput: 'nn.Linear(inputs.shapes["{cache}"][-1], model.width)',
    ImageClasses: "nn.Embedding(inputs.classes, model.width)",
    PhraseWords: "nn.Linear(self.text.words.width, model.width)",
}
SUMMARY = {
    StoreOutput: '''
    def _{cache}(self, batch: Batch) -> Tensor:
        """The mean of an image's features, (B, width); zeros for a post without an image."""
        values = batch.features["{cache}"]
        mean = values.reshape(len(values), -1, values.shape[-1]).mean(1)
        summary: Tensor = self.{cache}(mean) * batch.has_image[:, None]
        return summary
''',
    ImageClasses: '''
    def _{cache}(self, batch: Batch) -> Tensor:
        """The mean over an image's classes, (B, width); zeros for a post without an image."""
        classes = self.{cache}(batch.features["{cache}"])  # (B, k, width)
        summary: Tensor = classes.mean(1) * batch.has_image[:, None]
        return summary
''',
    PhraseWords: '''
    def _{cache}(self, batch: Batch) -> Tensor:
        """The mean over the words of {cache}, (B, width); zeros for a post without any."""
        phrase = batch.phrases["{cache}"]
        mask = phrase.mask[:, :, None]  # (B, K, 1)
        mean = (self.text.words(phrase.words) * mask).sum(1) / mask.sum(1).clamp(min=1)
        summary: Tensor = self.{cache}(mean) * phrase.mask.any(1)[:, None]
        return summary
''',
}


def system_file(name: str, reads: Sequence[Read]) -> str:
    """The text of pipeline/systems/NAME.py."""
    title = "".join(part.capitalize() for part in name.split("_"))
    layers = {read.cache: LAYER[type(read)].format(cache=read.cache) for read in reads}
    beside = f" + {len(reads)} * " if reads else ""
    body = BODY.format(
        name=name,
        title=title,
        sizes=SIZE if reads else "",
        reads=_reads(reads),
        layers="".join(f"        self.{cache} = {made}\n" for cache, made in layers.items()),
        width=f"model.hidden{beside}model.width" if reads else "model.hidden",
        width_in_words=f"hidden{beside}width" if reads else "hidden",
        joined=_joined(reads),
    )
    head = HEAD.format(title=title, network=BESIDE if reads else ALONE)
    torch = TORCH if reads else "from torch import Tensor\n\n"
    return "".join([head, torch, IMPORTS, _names(reads), body, *map(_summary, reads)])


def _names(reads: Sequence[Read]) -> str:
    """The import of what the file takes of the contract."""
    shared = {"Batch", "Inputs", "System", "SystemModel", "SystemParams"}
    names = sorted(shared | {type(read).__name__ for read in reads})
    line = f"from pipeline.systems.system import {', '.join(names)}\n"
    if len(line) <= LINE:
        return line
    listed = "".join(f"    {name},\n" for name in names)
    return f"from pipeline.systems.system import (\n{listed})\n"


def _reads(reads: Sequence[Read]) -> str:
    if not reads:
        return ""
    if len(reads) == 1:
        return f"\n    reads = ({_call(reads[0])},)\n"
    lines = "".join(f"        {_call(read)},\n" for read in reads)
    return f"\n    reads = (\n{lines}    )\n"


def _call(read: Read) -> str:
    """The expression that makes it."""
    return repr(read).replace("'", '"')


def _joined(reads: Sequence[Read]) -> str:
    if not reads:
        return "        return words\n"
    summaries = "".join(f"            self._{read.cache}(batch),\n" for read in reads)
    return JOINED.format(summaries=summaries, count=len(reads))


def _summary(read: Read) -> str:
    output = read.output if isinstance(read, StoreOutput) else ""
    return SUMMARY[type(read)].format(cache=read.cache, output=output)
