"""Names as numbers: each distinct name is held once, and numbered in the order of arrival.

The names are one Arrow column. Arrow builds its hash table of them anew for each look-up: so a
caller should look up about as many names at once as there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PipelineError

LIMIT = (1 << 31) - 1  # an Arrow column of this kind addresses so many bytes of text


class Names:
    """The distinct names so far."""

    def __init__(self) -> None:
        self._column: pa.BinaryArray = pa.array([], pa.binary())

    def __len__(self) -> int:
        return len(self._column)

    @property
    def nbytes(self) -> int:
        """The bytes that the names take."""
        return int(self._column.nbytes)

    @property
    def texts(self) -> pa.StringArray:
        """The names; the number of a name is its place."""
        return self._column.view(pa.string())

    def find(self, names: pa.BinaryArray) -> np.ndarray:
        """The numbers of names, (n,) int32; -1 for a name that is not held."""
        if not len(names):  # no hash table for nothing
            return np.empty(0, np.int32)
        found = pc.index_in(names, value_set=self._column)
        return np.array(found.fill_null(-1), np.int32)

    def encode(self, texts: Sequence[str] | pa.StringArray) -> np.ndarray:
        """The numbers of names, (n,) int32; names may repeat, and new ones are taken in.

        Raises:
            PipelineError: for more text than the column holds.
        """
        coded = pa.array(texts, pa.string()).dictionary_encode()
        distinct = coded.dictionary.view(pa.binary())
        numbers = self.find(distinct)
        new = np.flatnonzero(numbers < 0)
        numbers[new] = self._extend(distinct.take(pa.array(new)))
        each: np.ndarray = numbers[np.asarray(coded.indices)]
        return each

    def _extend(self, new: pa.BinaryArray) -> np.ndarray:
        """Take in distinct names, none of which is held yet; their numbers, (n,) int32."""
        if self.nbytes + new.nbytes > LIMIT:
            raise PipelineError(
                f"the graph's names take more than {LIMIT:,} bytes, which is all that its table"
                " holds; import a part of it"
            )
        first = len(self)
        self._column = pa.concat_arrays([self._column, new])
        return np.arange(first, len(self), dtype=np.int32)
