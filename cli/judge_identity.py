"""Which judge a command means: a file, a stored version, the live one or the settings'; and the desk of guidelines."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from pathlib import Path

from core.adapters.gate_book import PostgresGates
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.judge_book import PostgresJudgeBook
from core.adapters.llm_prices import load_prices
from core.adapters.postgres import Pool
from core.adapters.shadow_store import PostgresShadows
from core.domain.images.rubrics import parsed_rubric
from core.domain.judge_files import PROMPT_LIMIT, JudgeFile, parsed_judge
from core.domain.judges import LIVE, PROMPTS, SETTINGS
from core.errors import UsageError
from core.eval_facts import JudgePrompt, JudgeVersion
from core.eval_ports import JudgeBook
from core.guideline_ports import Desk, JudgeNames
from core.judge_desk import JudgeDesk
from core.ports import Clock
from core.settings import Settings
from core.stages.judge_recipe import recipe_of_judge
from core.stages.live_judge import judge_of_file, settings_judge


def judge_book(pool: Pool) -> JudgeBook:
    """Where judge versions are kept."""
    return PostgresJudgeBook(pool)


async def judge_from(book: JudgeBook, settings: Settings, ref: str, clock: Clock, by: str = "") -> JudgeVersion:
    """The judge that `ref` means, as with `judge_meant`. A file's judge and the settings' are stored where they are
    new, by `by` or the login name."""
    return await _stored(book, await judge_meant(book, settings, ref, clock), clock, by)


async def judge_meant(book: JudgeBook, settings: Settings, ref: str, clock: Clock) -> JudgeVersion:
    """The judge that `ref` means: the path of a judge file (it ends in .toml), a stored name or version or a beginning
    of one, `live`, or `settings`. UsageError says what is wrong; nothing is stored."""
    if ref == LIVE:
        return await book.live() or settings_judge(settings)
    if ref == SETTINGS:
        return settings_judge(settings)
    if ref.endswith(".toml"):
        return read_judge(ref, settings, clock)
    found = await book.find(ref)
    if found is None:
        raise UsageError(f"there is no judge {ref!r}, or several begin so: `assay judges list` names them")
    return found


async def _stored(book: JudgeBook, judge: JudgeVersion, clock: Clock, by: str) -> JudgeVersion:
    await book.save(judge, by or login_name(), clock.now())
    return judge


def login_name() -> str:
    """Who is at the keyboard; `unknown` where the system has no name for the user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def read_judge(path: str, settings: Settings, clock: Clock) -> JudgeVersion:
    """The judge that a file describes; UsageError with line or name for what is wrong with it."""
    file = parsed_judge(_text(Path(path), path), path)
    refuse_unpriced(file.models, path, settings, clock)
    told: dict[JudgePrompt, str | None] = {name: getattr(file.prompts, name) for name in PROMPTS}
    texts = {name: _prompt(Path(path).parent / inner, name, path) for name, inner in told.items() if inner is not None}
    try:
        return judge_of_file(file, texts, _rubrics(file, path))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _rubrics(file: JudgeFile, path: str) -> dict[str, str]:
    """The rubrics that it brings, each read and checked under its own path."""
    named = {name: Path(path).parent / inner for name, inner in file.rubrics.items() if inner is not False}
    texts = {name: _text(inner, f"{path}: rubrics.{name}: {inner}") for name, inner in named.items()}
    for name, text in texts.items():
        parsed_rubric(name, text, str(named[name]))
    return texts


def refuse_unpriced(models: Iterable[str], where: str, settings: Settings, clock: Clock) -> None:
    """UsageError for a model that no price list has: most often it is misspelt, and a cost could not be said before."""
    prices, today = load_prices(settings.llm_prices), clock.now().date()
    for model in models:
        if not prices.is_listed(model, today):
            raise UsageError(
                f"{where}: no price is known for the model {model!r}; check its name, or give its price in the file "
                "that ASSAY_LLM_PRICES names"
            )


def _prompt(path: Path, name: str, where: str) -> str:
    text = _text(path, f"{where}: prompts.{name}: {path}")
    if not text.strip():
        raise UsageError(f"{where}: prompts.{name}: {path} is empty")
    if len(text) > PROMPT_LIMIT:
        raise UsageError(f"{where}: prompts.{name}: {path} has {len(text):,} characters, at most {PROMPT_LIMIT:,}")
    return text


def _text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{where}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where} can't be read ({type(error).__name__})") from None


def guideline_desk(pool: Pool, clock: Clock, live: Callable[[], JudgeVersion]) -> Desk:
    """Where people read and edit guidelines, for the judge that is live."""

    def names() -> JudgeNames:
        recipe = recipe_of_judge(live())
        return JudgeNames(recipe.identity, recipe.guideline.version)

    return Desk(PostgresGuidelines(pool), clock, names)


async def live_judge(pool: Pool, settings: Settings) -> JudgeVersion:
    """Who judges now, for a command that asks once."""
    return await judge_book(pool).live() or settings_judge(settings)


def judge_desk(pool: Pool, clock: Clock, live: Callable[[], JudgeVersion]) -> JudgeDesk:
    """Where people promote judges and put them into the shadow."""
    return JudgeDesk(judge_book(pool), PostgresGates(pool), PostgresShadows(pool), clock, live)
