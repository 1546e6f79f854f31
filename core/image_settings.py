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
    image_in_flight: int = Field(16, ge=1, description="pictures under way in a process: 16 at 0.3 s keep 50 a second")
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

    @field_validator("image_allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return (
            tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )
