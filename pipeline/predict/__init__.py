"""New posts through a trained system: `from pipeline.predict import Tagger`."""

from pipeline.predict.tagger import Tagger

__all__ = ["Tagger"]
