"""Settings of pictures (docs/pictures.md), a part of `core.settings.Settings`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SELLER_ATTRIBUTE = "seller"
"""The attribute of a listing that names its seller, unless the setting says another."""


class ImageSettings(BaseSettings):
    """How pictures are fetched, looked at by the student and chosen for the judge."""

    image_allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="networks, comma-separated, such as 10.0.0.0/8,192.168.1.0/24"
    )
    image_max_bytes: int = Field(
        20_000_000, ge=1, description="largest picture: cameras make 15 MB, nothing honest makes more"
    )
    image_max_pixels: int = Field(
        50_000_000, ge=1, description="largest picture in pixels: 50 megapixels decode to 150 MB"
    )
    image_timeout_s: float = Field(20.0, gt=0, description="seconds for a whole fetch, slow drip included")
    image_max_side: int = Field(
        768, ge=64, description="longest side sent to the model, pixels: what providers bill as 4 tiles"
    )
    image_per_host: int = Field(4, ge=1, description="fetches at once from one host: what a browser would do, halved")
    image_in_flight: int = Field(
        16, ge=1, description="pictures fetched at once, a process: 16 at 0.3 s keep 50 a second"
    )
    image_embedding_model: Path | None = Field(
        None, description="ONNX file whose first output students may use besides the figures of pixels"
    )
    image_label_random_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="of the student's pictures to the judge at random: 1 in 20 finds a drop within days",
    )
    image_label_unsure_share: float = Field(
        0.15, ge=0, le=1, description="of the pictures a student is trained on, how many it would be too unsure of"
    )

    image_min_side: int = Field(
        64, ge=1, description="pixels of the shorter side below which a picture is refused: a stamp shows nothing"
    )
    image_min_contrast: float = Field(
        0.008, ge=0, le=1, description="RMS of the luma below which a picture is blank: two steps of 255"
    )
    image_max_border: float = Field(
        0.9995, ge=0, le=1, description="share of one colour above which a picture is blank: 12 by 12 pixels are left"
    )
    image_min_highlight: float = Field(
        0.10, ge=0, le=1, description="brightest luma below which a picture is too dark: black on black reaches 0.3"
    )
    image_min_sharpness: float = Field(
        0.0, ge=0, le=1, description="sharpness below which a picture is refused: 0, because blur is the judge's to say"
    )
    image_max_text: float = Field(
        1.0, ge=0, le=1, description="share under text above which a picture is refused: 1 leaves it to the judge"
    )
    image_share_distance: int = Field(
        -1,
        ge=-1,
        le=4,
        description="bits of 64 in which pictures that share a judgement may differ: -1 same bytes only, 2 re-encoded",
    )
    image_duplicate_distance: int = Field(
        4,
        ge=0,
        le=7,
        description="bits of 64 in which near-duplicates may differ: slight crops are within 4, other pictures from 6",
    )
    listing_seller_attribute: str = Field(
        SELLER_ATTRIBUTE,
        min_length=1,
        description="listing attribute that names the seller; without it a listing is its own",
    )

    image_flag_recent_days: int = Field(
        7, ge=1, le=60, description="newest days whose share of flags is compared: a week, so that weekdays even out"
    )
    image_flag_base_days: int = Field(
        28, ge=7, le=365, description="days before those that they are compared with: four weeks"
    )
    image_flag_min_pictures: int = Field(
        200, ge=1, description="judged pictures that each side of the comparison needs: of fewer, one seller is a rise"
    )
    image_flag_min_rise: float = Field(
        0.01, ge=0, le=1, description="rise of the share that is worth an alert: one picture of a hundred"
    )
    image_flag_false_alarms: float = Field(
        0.001, gt=0, lt=0.5, description="odds of a false alarm a night, all segments together: one in three years"
    )

    buyers_sample_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="of the shoppers whose searches are read for agreement: a day's 10 million take 3 min",
    )
    buyers_max_positions: int = Field(
        100, ge=2, le=10_000, description="places of a list that are counted: five pages, further down nobody clicks"
    )
    buyers_queries: int = Field(
        5_000, ge=1, description="queries a market and day whose places are kept one by one: 300,000 rows, 30 MB"
    )
    buyers_window_days: int = Field(
        28, ge=1, description="days that propensities are estimated from: listings must have moved meanwhile"
    )
    buyers_keep_days: int = Field(90, ge=36, description="days of buyers' sums kept: an alert compares with 5 weeks")
    buyers_price_bands: int = Field(3, ge=1, le=20, description="price bands a category: cheap, middle, dear")
    buyers_bootstrap: int = Field(
        400, ge=50, le=20_000, description="samples of an interval: its ends move by a twentieth of its width"
    )
    buyers_alert_deviations: float = Field(
        3.0, gt=0, description="standard errors the lift must fall by for an alert, see docs/buyers.md for false alarms"
    )
    buyers_alert_share: float = Field(
        0.25, ge=0, le=1, description="part of the lift that must be lost for an alert: less is no reason to act"
    )

    @field_validator("image_allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return (
            tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )
