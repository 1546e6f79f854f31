"""The price table: the one built in, or the file that `ASSAY_LLM_PRICES` names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from core.domain.money import PriceTable
from core.errors import SettingsError


def load_prices(path: str | None = None) -> PriceTable:
    """Prices by model; SettingsError for a file that can't be read or is no price table."""
    if path is None:
        return PriceTable.model_validate_json(files("core").joinpath("prices.json").read_text(encoding="utf-8"))
    try:
        return PriceTable.model_validate_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ASSAY_LLM_PRICES: {path} can't be read ({type(error).__name__})") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        raise SettingsError(
            f"ASSAY_LLM_PRICES: {path} is no price table ({place}: {first['msg']}); core/prices.json shows its form"
        ) from None
