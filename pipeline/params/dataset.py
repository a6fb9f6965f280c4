"""Where the corpus lies (`conf/dataset/`); dvc.yaml passes the paths on to the stages."""

from pipeline.params.block import Block, Quoted


class Dataset(Block):
    """Three CoNLL files, a folder of images, and captions of some of these."""

    name: Quoted
    train: Quoted
    dev: Quoted
    test: Quoted
    images: Quoted
    captions: Quoted  # a caption corpus whose pictures lie in `images`
