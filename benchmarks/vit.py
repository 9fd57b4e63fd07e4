"""A ViT-B-32 with random weights, which takes as long as a trained one.

python -m benchmarks.vit weights.pt
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def make_vit(scratch: Path) -> str:
    """Weights in `scratch`, by a process of its own; the name of the encoder."""
    weights = scratch / "weights.pt"
    subprocess.run([sys.executable, "-m", "benchmarks.vit", str(weights)], check=True)
    return f"ViT-B-32/{weights}"


def main() -> None:
    """Write the weights to the file given."""
    import open_clip
    import torch

    torch.manual_seed(0)
    torch.save(open_clip.create_model("ViT-B-32").state_dict(), sys.argv[1])


if __name__ == "__main__":
    main()
