"""A face as histograms of oriented gradients: small, quick, without weights, and good at brows, eyes and mouths.

HOG (Dalal & Triggs, CVPR 2005) over a grey, contrast-normalized crop; OpenCV computes it. Beside each frame's
descriptor stands its difference from the clip's median, which is what the face did rather than whose face it is.
"""

from __future__ import annotations

import numpy as np

from affectrl.errors import ModelError

VERSION = "1"


class FaceHog:
    """``encode`` gives ``(F, 2 D)``: HOG and HOG minus the track's median, a row a crop."""

    def __init__(self, crop: int, cell: int, bins: int) -> None:
        import cv2

        self.crop = crop
        self._hog = cv2.HOGDescriptor((crop, crop), (2 * cell, 2 * cell), (cell, cell), (cell, cell), bins)
        self.dim = 2 * self._hog.getDescriptorSize()
        self.key = f"face-hog-v{VERSION}-{crop}-{cell}-{bins}"

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Features of crops ``(F, S, S, 3)`` uint8 RGB; crops of another size are resized."""
        import cv2

        rows = []
        for crop in pictures:
            grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
            if grey.shape != (self.crop, self.crop):
                grey = cv2.resize(grey, (self.crop, self.crop), interpolation=cv2.INTER_AREA)
            rows.append(np.asarray(self._hog.compute(cv2.equalizeHist(grey)), dtype=np.float32).ravel())
        hog = np.stack(rows)
        return np.concatenate([hog, hog - np.median(hog, axis=0)], axis=1)


def build(crop: int = 64, cell: int = 8, bins: int = 9) -> FaceHog:
    """HOG of ``crop`` x ``crop`` pixels, cells of ``cell`` pixels, blocks of 2 x 2 cells, ``bins`` orientations.

    Raises:
        ModelError: The numbers do not fit each other.
    """
    if cell < 1 or bins < 1 or crop < 2 * cell or crop % cell:
        raise ModelError(
            f"crop must be a multiple of cell, at least twice, and bins at least 1, not {crop}, {cell} and {bins}."
        )
    return FaceHog(crop, cell, bins)
