"""Which judge judges now: the promoted version, else the one that the settings make.

`consumers.live_judge` looks at the book of judges now and then, so that a promotion needs no restart.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from core.domain.images.rubrics import parsed_rubrics
from core.domain.judge_files import JudgeFile
from core.domain.judges import PROMPTS, SETTINGS, JudgePrompt, JudgeVersion, versioned
from core.errors import UsageError
from core.eval_ports import JudgeBook
from core.llm_settings import JudgeSettings
from core.ports import Clock
from core.prompts import load_prompt, load_rubrics
from core.stages.grading import cascade_of
from core.stages.judge_recipe import recipe_of_judge

log = structlog.get_logger(__name__)


def settings_judge(settings: JudgeSettings) -> JudgeVersion:
    """The judge that the environment's settings make, with the built-in prompts."""
    return versioned(
        JudgeVersion(
            version="",
            name=SETTINGS,
            mode=settings.judge_mode,
            model=settings.llm_model or "",
            vision_model=settings.vision_model() or "",
            products_per_call=settings.judge_products_per_call,
            cascade=cascade_of(settings),
            prompts=built_in_prompts(),
            rubrics=load_rubrics(),
        )
    )


def judge_of_file(
    file: JudgeFile, texts: Mapping[JudgePrompt, str], rubrics: Mapping[str, str] | None = None
) -> JudgeVersion:
    """The version that a file describes; `texts` and `rubrics` are the prompts and rubrics it brings, the others are
    built in. UsageError where two rubrics claim one category."""
    return versioned(
        JudgeVersion(
            version="",
            name=file.name,
            mode=file.mode,
            model=file.model,
            vision_model=file.vision_model or file.model,
            products_per_call=file.products_per_call,
            cascade=file.cascade_made(),
            prompts={**built_in_prompts(), **texts},
            sampling=file.sampling(),
            rubrics=_rubrics(file, rubrics or {}),
        )
    )


def built_in_prompts() -> dict[JudgePrompt, str]:
    """The text of each, as this version of the program has it."""
    return {name: load_prompt(name).text for name in PROMPTS}


def _rubrics(file: JudgeFile, brought: Mapping[str, str]) -> dict[str, str]:
    """The built-in ones but those that the file leaves out, and over them those that it brings."""
    built_in = load_rubrics()
    left_out = [name for name, path in file.rubrics.items() if path is False]
    if unknown := [name for name in left_out if name not in built_in]:
        names = ", ".join(sorted(built_in))
        raise UsageError(f"rubrics.{unknown[0]}: there is no such built-in rubric to leave out; there are {names}")
    kept = {**{name: text for name, text in built_in.items() if name not in left_out}, **brought}
    parsed_rubrics(kept)
    return kept


class LiveJudge:
    """The judge of now and its shadows, as of the last look; `otherwise` judges while none is promoted."""

    def __init__(self, book: JudgeBook, otherwise: JudgeVersion, wall: Clock) -> None:
        self._book = book
        self._otherwise = otherwise
        self._wall = wall
        self._now = otherwise
        self._shadows: tuple[tuple[JudgeVersion, float], ...] = ()

    def __call__(self) -> JudgeVersion:
        """Who judges now."""
        return self._now

    def identity(self) -> str:
        """What the keys of relevance tasks hold of it now."""
        return recipe_of_judge(self._now).identity

    def shadows(self) -> tuple[tuple[JudgeVersion, float], ...]:
        """Candidates with their shares; never the judge that is live itself."""
        return self._shadows

    async def look(self) -> None:
        """Read the book once. RetryLater where the database is away."""
        live = await self._book.live()
        now = live or self._otherwise
        if live is None and now.model:
            await self._known(now)
        if now.version != self._now.version:
            log.info("judge.changed", judge=now.version, before=self._now.version)
        self._now = now
        shadows = await self._book.shadows()
        self._shadows = tuple((judge, share) for judge, share in shadows if judge.version != now.version)

    async def _known(self, judge: JudgeVersion) -> None:
        """Store the settings' judge, so that what labels name can be looked up. An anchor in a built-in prompt is told
        and nothing else: there is no judge to go back to."""
        try:
            await self._book.save(judge, SETTINGS, self._wall.now())
        except UsageError as error:
            log.error("judge.not_stored", judge=judge.version, error=str(error))
