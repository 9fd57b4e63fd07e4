"""Whether the right image and caption are chosen among a few: strictly, ties are wrong.

Text: each image prefers its caption to all others. Image: each caption prefers its image to all
others. Group: both, as in Winoground (Thrush et al., CVPR 2022). SugarCrepe (Hsieh et al., NeurIPS
2023) and ARO (Yuksekgonul et al., ICLR 2023) have one image and ask for the text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TEXT, IMAGE, GROUP = "text", "image", "group"


def chosen_right(scores: NDArray[np.floating]) -> dict[str, bool]:
    """What is right of one choice, of what there is to choose: of `TEXT`, `IMAGE` and `GROUP`.

    `scores`, shape (images, captions), are of every image with every caption; the first of each
    belong together, the second, and so on, as far as there are both.
    """
    found = {}
    if scores.shape[1] > 1:
        found[TEXT] = _all_prefer_their_own(scores)
    if scores.shape[0] > 1:
        found[IMAGE] = _all_prefer_their_own(scores.T)
    if len(found) == 2:
        found[GROUP] = all(found.values())
    return found


def chance(images: int, captions: int) -> dict[str, float]:
    """What guessing scores comes to, in [0, 1], by the same names: random distinct scores."""
    pairs = min(images, captions)
    found = {}
    if captions > 1:
        found[TEXT] = (1 / captions) ** pairs
    if images > 1:
        found[IMAGE] = (1 / images) ** pairs
    if images == captions == 2:
        found[GROUP] = 1 / 6  # both own scores above both others: 4 of the 24 orders
    return found


def _all_prefer_their_own(scores: NDArray[np.floating]) -> bool:
    pairs = range(min(scores.shape))
    return all(scores[n, n] > np.delete(scores[n], n).max() for n in pairs)
