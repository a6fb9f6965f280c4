"""Which block stands behind each section of params.yaml.

`mner params` checks a composition with it. No stage may import this module: the digest of the
stage's code would then depend on every block.
"""

from pipeline.params.block import Block
from pipeline.params.caption import Caption
from pipeline.params.captioner import CaptionerParams
from pipeline.params.context import Context
from pipeline.params.dataset import Dataset
from pipeline.params.graph import Graph
from pipeline.params.hashtags import Hashtags
from pipeline.params.index_images import IndexImages
from pipeline.params.knowledge import Knowledge
from pipeline.params.leaderboard import Leaderboard
from pipeline.params.mentions import Mentions
from pipeline.params.prepare import Prepare
from pipeline.params.runtime import Runtime
from pipeline.params.segmenter import SegmenterParams
from pipeline.params.tag_posts import TagPosts
from pipeline.params.tags import Tags
from pipeline.params.train import Train
from pipeline.params.vectors import Vectors
from pipeline.params.vocab import Vocab

# The sections `extract` and `systems` are left out: they hold a block for each role and system.
SECTIONS: dict[str, type[Block]] = {
    "caption": Caption,
    "captioner": CaptionerParams,
    "context": Context,
    "dataset": Dataset,
    "graph": Graph,
    "hashtags": Hashtags,
    "index_images": IndexImages,
    "knowledge": Knowledge,
    "leaderboard": Leaderboard,
    "mentions": Mentions,
    "prepare": Prepare,
    "runtime": Runtime,
    "segmenter": SegmenterParams,
    "tag_posts": TagPosts,
    "tags": Tags,
    "train": Train,
    "vectors": Vectors,
    "vocab": Vocab,
}
