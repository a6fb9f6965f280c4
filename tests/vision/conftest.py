"""An image folder, its index, and the networks kept from using every core."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.corpus.image_index import index_images
from pipeline.corpus.posts import Post, write_posts
from pipeline.params.extract import Extract
from pipeline.params.index_images import IndexImages
from pipeline.vision.extract import Files, Report, extract
from tests.blocks import of_project, quiet


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """`threads(n)` sets the number of torch's threads until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def photo(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """Coarse noise scaled up, with edges and colours in many scales; a seed gives one picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


class Corpus:
    """Images and their index in a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "images"
        self.table = root / "images.parquet"
        self.folder.mkdir()

    def add(self, *seeds: int) -> None:
        for seed in seeds:
            photo(seed, 200 + 7 * seed).save(self.folder / f"{seed}.png")

    def index(self) -> None:
        write_posts(
            [Post("train/0", "train", None, ("a",), ("O",), 1)], self.root / "posts.parquet"
        )
        index_images(
            self.root / "posts.parquet",
            self.folder,
            self.table,
            self.root / "thumbnails",
            self.root / "images.json",
            of_project("index_images", IndexImages),
            quiet(),
        )

    def extract(
        self, store: str = "store", say: Callable[[str], None] = pytest.fail, **options: object
    ) -> Report:
        """Extract with the embedded network; `options` are fields of the two blocks."""
        given: dict[str, object] = {"outputs": ["logits", "pooled"], **options}
        params = {name: given.pop(name) for name in Extract.model_fields if name in given}
        files = Files(self.table, self.folder, self.root / store)
        return extract(files, of_project("extract.tags", Extract, **params), quiet(**given), say)

    def content(self, store: str) -> dict[str, str]:
        """The SHA-256 of each file of a store, by name."""
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (self.root / store).iterdir()
        }


@pytest.fixture
def make_corpus(tmp_path: Path) -> Callable[..., Corpus]:
    """`make_corpus(0, 1, 2)` makes and indexes pictures 0.png, 1.png, 2.png."""

    def make(*seeds: int) -> Corpus:
        corpus = Corpus(tmp_path)
        corpus.add(*seeds)
        corpus.index()
        return corpus

    return make
