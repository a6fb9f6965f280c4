"""Where the corpus lies (`conf/dataset/`); dvc.yaml passes the paths on to the stages."""

from pipeline.params.block import Block


class Dataset(Block):
    """Three CoNLL files and a folder of images."""

    name: str
    train: str
    dev: str
    test: str
    images: str
