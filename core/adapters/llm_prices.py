"""The price table: the one built in, or the file that `ASSAY_LLM_PRICES` names."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import structlog
from pydantic import ValidationError

from core.domain.money import PriceTable
from core.errors import SettingsError
from core.settings import Settings

log = structlog.get_logger(__name__)


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


def say_unlisted(settings: Settings, day: date) -> list[str]:
    """Say once which of the models that are set have no price on a UTC day: they are counted at the high default, so
    budgets are used up sooner than the money is. Returns them."""
    table = load_prices(settings.llm_prices)
    named = (
        settings.llm_model,
        settings.vision_model(),
        settings.llm_cascade_model,
        settings.llm_cascade_second_model,
        settings.llm_fallback_model,
        settings.llm_fallback_vision_model,
    )
    unlisted = sorted({model for model in named if model and not table.is_listed(model, day)})
    for model in unlisted:
        log.warning("llm.unlisted", model=model, prices=table.of(day).version, setting="ASSAY_LLM_PRICES")
    return unlisted
