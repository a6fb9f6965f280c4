"""Where an epoch's time goes."""
from pathlib import Path
def profile(name: str, folder: Path, batches: int) -> dict[str, float]:
    raise NotImplementedError
