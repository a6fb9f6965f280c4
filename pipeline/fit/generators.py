"""The generators of torch that dropout and first weights are drawn from, as a state.

The sampler's generator needs no state of its own: it is derived from seed and epoch, so that the
number of batches behind it says where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def generator_states() -> dict[str, Any]:
    """The state of the CPU's generator, and of that of each CUDA device."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_generators(states: Mapping[str, Any]) -> None:
    """Put back what `generator_states` gave."""
    torch.set_rng_state(states["cpu"])
    if states["cuda"]:
        torch.cuda.set_rng_state_all(states["cuda"])
