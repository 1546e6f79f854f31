"""From settings to the bounds of the technical tier."""

from __future__ import annotations

from core.domain.images.verdict import Thresholds
from core.image_settings import ImageSettings


def thresholds_of(settings: ImageSettings) -> Thresholds:
    """Those that are set."""
    return Thresholds(
        min_side=settings.image_min_side,
        blank_contrast=settings.image_min_contrast,
        blank_border=settings.image_max_border,
        dark_highlight=settings.image_min_highlight,
        min_sharpness=settings.image_min_sharpness,
        max_text=settings.image_max_text,
    )
