"""How the leaderboard is ordered."""

from typing import Literal

from pipeline.params.block import Block


class Leaderboard(Block):
    """How the leaderboard is ordered."""

    order_by: Literal["test", "dev"]
