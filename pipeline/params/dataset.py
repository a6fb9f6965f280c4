"""Where the corpus lies (`conf/dataset/`); dvc.yaml passes the paths on to the stages."""

from pipeline.params.block import Block


class Dataset(Block):
    """Three CoNLL files, a folder of images, and captions of some of these."""

    name: str
    train: str
    dev: str
    test: str
    images: str
    captions: str  # a caption corpus whose pictures lie in `images`
