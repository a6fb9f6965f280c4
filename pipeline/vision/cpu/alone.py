"""Send images through a network one by one, each on one thread.

A row may depend on neither batch nor threads. For convolutions, sums and cuts at zero
`steady` sees to that. Attention, GELU or SiLU have no such form: torch divides them among threads
by the length of the batch, and the rest of a division goes through other instructions. One image on
one thread is always computed alike. Passes at once (`pipeline.vision.passes`) keep all cores busy.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def one_by_one(network: Callable[[Tensor], dict[str, Tensor]], batch: Tensor) -> dict[str, Tensor]:
    """Compute each output of a batch (B, 3, h, w), (B, *shape)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # copied, so that each begins at an address of the same alignment
        images = (image.clone(memory_format=torch.channels_last) for image in batch.split(1))
        rows = [network(image) for image in images]
    finally:
        torch.set_num_threads(threads)
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
