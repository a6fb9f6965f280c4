"""The folder of a trained system: `system.json`, `lexicon.json`, and `seed-N/` for each seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field

from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json
from pipeline.fit.checkpoint import load
from pipeline.params.block import Block, ParamsError, parse
from pipeline.systems.system import Inputs, System, SystemParams, find_system
from pipeline.training.caches import Caches
from pipeline.training.lexicon import Lexicon
from pipeline.training.setting import Setting

DESCRIPTION = "system.json"
LEXICON = "lexicon.json"


WIDEST = 1 << 16  # numbers of a word's vector; a model may come from anyone


class Stated(Block):
    """`system.json` as it stands, before the system is found and its params are checked."""

    system: str
    params: dict[str, Any]
    seeds: list[Annotated[int, Field(ge=0, strict=True)]]  # they name folders
    word_width: int = Field(gt=0, le=WIDEST)
    shapes: dict[str, tuple[int, ...]]
    classes: int = Field(ge=0)
    fingerprints: dict[str, str]
    setting: dict[str, Any]


@dataclass(frozen=True)
class TrainedModel:
    """What a model folder holds beside the weights: enough to build the networks again."""

    directory: Path
    system: type[System]
    params: SystemParams
    seeds: Sequence[int]
    lexicon: Lexicon
    word_width: int
    shapes: dict[str, tuple[int, ...]]  # cache -> the shape of one image's, or word's, features
    classes: int  # number of classes of image words
    fingerprints: dict[str, str]  # cache -> its fingerprint when the model was trained
    setting: Setting

    def write(self) -> None:
        """Write the description and the lexicon into the folder."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.lexicon.write(self.directory / LEXICON)
        tree = {
            "system": self.system.name,
            "params": self.params.model_dump(),
            "seeds": list(self.seeds),
            "word_width": self.word_width,
            "shapes": self.shapes,
            "classes": self.classes,
            "fingerprints": self.fingerprints,
            "setting": self.setting.to_dict(),
        }
        write_json(self.directory / DESCRIPTION, tree)

    @classmethod
    def read(cls, directory: Path) -> TrainedModel:
        """Read what `write` wrote, and find its system by name.

        Raises:
            PipelineError: for a file that is missing, damaged or of another version, a system that
                is not known here, or params that its block refuses.
        """
        path = directory / DESCRIPTION
        try:
            stated = parse(read_json(path), Stated, str(path))
            lexicon = Lexicon.read(directory / LEXICON)
            setting = Setting.from_dict(stated.setting)
        except (ParamsError, TypeError) as error:
            raise PipelineError(
                f"{error}\n{directory}: written by another version of this program, or damaged: run"
                " its train stage again"
            ) from None
        system = find_system(stated.system)
        return cls(
            directory=directory,
            system=system,
            params=parse(stated.params, system.Params, str(path)),
            seeds=stated.seeds,
            lexicon=lexicon,
            word_width=stated.word_width,
            shapes=stated.shapes,
            classes=stated.classes,
            fingerprints=stated.fingerprints,
            setting=setting,
        )

    def seed_folder(self, seed: int) -> Path:
        """The folder of one seed's weights and history."""
        return self.directory / f"seed-{seed}"

    def check_caches(self, caches: Caches) -> None:
        """Refuse caches of another origin, such as another backbone, than it was trained on."""
        if caches.fingerprints != self.fingerprints:
            raise PipelineError(
                f"{self.directory}: trained on features with the fingerprints "
                f"{self.fingerprints}, but the caches now hold {caches.fingerprints}; run its "
                "train stage again"
            )

    def network(self, seed: int) -> System:
        """Build the network of one seed and load its weights.

        Raises:
            PipelineError: for sizes that make no network, or as `pipeline.fit.checkpoint.load`.
        """
        try:
            network = self.build()
        except (RuntimeError, MemoryError, ValueError, KeyError) as error:
            raise PipelineError(
                f"{self.directory}: its sizes make no network here"
                f" ({str(error).partition(chr(10))[0]}); get the model again"
            ) from None
        load(network, self.seed_folder(seed))
        return network

    def build(self) -> System:
        """A network of these sizes, whose weights mean nothing yet."""
        words = len(self.lexicon.words)
        # The weights that are loaded replace these first ones: only the sizes count.
        inputs = Inputs(
            torch.zeros(words, self.word_width),
            torch.zeros(words, self.word_width, dtype=torch.bool),
            len(self.lexicon.characters),
            self.lexicon.tags,
            self.shapes,
            self.classes,
        )
        return self.system(self.params, inputs)
