"""Where the corpus lies (`conf/dataset/`); dvc.yaml passes the paths on to the stages."""

from pipeline.params.block import Block, DataPath


class Dataset(Block):
    """Three CoNLL files, a folder of images, and captions of some of these."""

    name: str
    train: DataPath
    dev: DataPath
    test: DataPath
    images: DataPath
    captions: DataPath  # a caption corpus whose pictures lie in `images`
