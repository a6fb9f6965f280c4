"""Image words: the most probable classes of an image, read as a sentence."""

from __future__ import annotations

from torch import Tensor, nn


class ImageWordLSTM(nn.Module):
    """An LSTM over the embedded classes of an image (Asgari-Chenaghlu et al. 2022, Table 6).

    The k most probable classes, best first (equation 12), go through an embedding and an LSTM,
    whose last state is the image's vector. The embedding is one row for each class, trained from
    the start: the paper turns the classes into one-hot vectors, and its width of 50 is not that
    of the word vectors.

    Args:
        classes: number of classes that the network behind the tags tells apart.
        width: the size of a class's vector.
        hidden: the size of the LSTM's state.
    """

    def __init__(self, classes: int, width: int, hidden: int) -> None:
        super().__init__()
        self.lookup = nn.Embedding(classes, width)
        nn.init.uniform_(self.lookup.weight, -0.25, 0.25)
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.width = hidden

    def forward(self, words: Tensor) -> Tensor:
        """Classes (B, k), best first, to vectors (B, hidden)."""
        _, (last, _) = self.lstm(self.lookup(words))  # (1, B, hidden)
        return last[0]  # type: ignore[no-any-return]
