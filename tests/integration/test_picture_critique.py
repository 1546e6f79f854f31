"""`assay eval check` on a dataset of pictures: over a real store, a folder of files and the offline judge."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_runs import PostgresRuns
from core.adapters.picture_files import FilePictures
from core.adapters.pictures import HttpPictureSource
from core.adapters.postgres import Pool
from core.eval_facts import EvalItem, EvalResult
from core.settings import Settings
from core.stages.picture_calls import score_key
from demo.offline_judge import OfflineJudge, serve
from tests.e2e.command import Assay, Done
from tests.support.fakes import NOON
from tests.support.sample_evals import CALL, DATASET, OLD, RUN, run_of

pytestmark = pytest.mark.postgres

NAMES = ("right.png", "wrong.png", "changed.png", "gone.png")
PROMPT = "picture_scores@12345678"


def png(shade: int) -> bytes:
    held = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480 + shade)).convert("RGB").save(held, "PNG")
    return held.getvalue()


async def scored(pool: Pool, folder: Path) -> Mapping[str, int]:
    """A run that scored the pictures of a folder: one of them wrong. By name what the offline judge makes of each."""
    own: dict[str, int] = {}
    items, results = [], []
    async with HttpPictureSource(Settings(_env_file=None)) as http:
        for shade, name in enumerate(NAMES):
            (folder / name).write_bytes(png(shade))
            picture = await FilePictures(http, str(folder), 10**6).fetch(name)
            own[name] = OfflineJudge().picture_scores([("p1", picture.jpeg)]).pictures[0].overall
            grade = own[name] if name != "wrong.png" else (own[name] + 4) % 10 + 1
            items.append(item(name))
            results.append(result(name, grade, score_key(name, name, picture.image_hash, PROMPT, "eye")))
    store, count = PostgresRuns(pool), len(items)
    await PostgresDatasets(pool).save(replace(DATASET, kind="image", items=count, queries=count, made_at=NOON), items)
    await store.begin(replace(run_of(NOON), kind="image", judges=(OLD,), items=count))
    await store.save(results)
    await store.end(RUN, "done", NOON)
    return own


def item(name: str) -> EvalItem:
    listing = {"listing_id": name, "title": "Grey board"}
    return EvalItem(
        name, "test", "shop", "us", "en", name, (), name, listing, name, {}, {}, None, {},
    )  # fmt: skip


def result(name: str, grade: int, key: str) -> EvalResult:
    aspects = dict.fromkeys(("focus", "lighting", "background", "framing", "completeness", "overlays", "honesty"), 5)
    return EvalResult(
        RUN, OLD, name, grade, None, "A grey board, plain and whole.", "", aspects, "", key, CALL, "", False,
        0.0, 0.0, 0.0, 0, NOON, "eye", {"prompt_version": PROMPT},
    )  # fmt: skip


async def checked(assay: Assay, *more: str) -> tuple[Done, dict[str, object]]:
    done = await assay("eval", "check", str(RUN), "--critique-share", "1", "--json", *more)
    assert done.code == 0, done.err
    [report] = json.loads(done.out)
    return done, report


async def test_a_runs_pictures_are_looked_at_again_from_their_folder(
    pool: Pool, postgres_dsn: str, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    own = await scored(pool, folder)
    (folder / "changed.png").write_bytes(png(90))
    (folder / "gone.png").unlink()
    async with serve() as url:
        settings = {"POSTGRES_DSN": postgres_dsn, "LLM_BASE_URL": url, "LLM_MODEL": "offline-judge"}
        assay = Assay(tmp_path, {f"ASSAY_{name}": value for name, value in settings.items()})
        done, report = await checked(assay, "--pictures", str(folder))
        _, again = await checked(assay)
    critique, known = (next(row for row in each["tiers"] if row["tier"] == "critique") for each in (report, again))
    assert (critique["seen"], critique["skipped"], report["complete"]) == (
        2, {"no_file": 1, "picture_changed": 1}, True,
    )  # fmt: skip
    better = {each["item_id"]: each["better"] for each in report["flagged"] if each["better"] is not None}
    assert better == {"wrong.png": own["wrong.png"]}
    assert report["critic_prompt"].startswith("picture_critique@")
    assert "4 judgements in at most 4 calls" in done.err
    calls = await pool.fetch("SELECT purpose, prompt_version FROM assay_data.llm_calls")
    assert {row["purpose"] for row in calls} == {"critique"}
    assert len(calls) == 2
    assert (known["seen"], known["skipped"]) == (2, {"no_folder": 2})


async def test_without_its_folder_a_picture_file_is_skipped_and_a_folder_that_is_none_refused(
    pool: Pool, postgres_dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    await scored(pool, tmp_path / "pictures")
    settings = {"ASSAY_POSTGRES_DSN": postgres_dsn, "ASSAY_LLM_BASE_URL": "http://127.0.0.1:9/v1"}
    assay = Assay(tmp_path, {**settings, "ASSAY_LLM_MODEL": "offline-judge"})
    done = await assay("eval", "check", str(RUN), "--critique-share", "1")
    assert "4 pictures were not looked at again: no_folder 4" in " ".join(done.out.split())
    refused = await assay("eval", "check", str(RUN), "--pictures", "nowhere")
    assert refused.code == 2
    assert "nowhere is no folder" in refused.one_line()
