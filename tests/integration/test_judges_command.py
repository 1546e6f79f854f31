"""`assay judges` on a real PostgreSQL: files in, versions, deeds, what is refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from core.adapters.postgres import Pool
from tests.unit.cli.conftest import Command, Done, command

__all__ = ["command"]

FILE = """
name = "strict-brands"
model = "offline-judge"

[prompts]
judgements = "prompts/judgements.md"
"""


class Desk:
    """The command in a directory with a judge file, on a database."""

    def __init__(self, run: Command, dsn: str, directory: Path) -> None:
        self._run, self._dsn, self.directory = run, dsn, directory
        self.write("prompts/judgements.md", "Grade strictly.\n")
        self.write("strict.toml", FILE)

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    async def __call__(self, *arguments: str) -> Done:
        settings = {"ASSAY_POSTGRES_DSN": self._dsn, "ASSAY_LLM_MODEL": "offline-judge"}
        return await asyncio.to_thread(lambda: self._run("judges", *arguments, **settings))

    async def status(self, *arguments: str) -> Done:
        """What `assay status` says."""
        settings = {"ASSAY_POSTGRES_DSN": self._dsn, "ASSAY_LLM_MODEL": "offline-judge"}
        return await asyncio.to_thread(lambda: self._run("status", *arguments, **settings))


@pytest.fixture
def desk(command: Command, postgres_dsn: str, tmp_path: Path) -> Desk:
    return Desk(command, postgres_dsn, tmp_path)


async def count(pool: Pool, table: str) -> int:
    return int(await pool.fetchval(f"SELECT count(*) FROM assay_data.{table}"))


async def test_a_file_is_stored_once_and_listed(desk: Desk) -> None:
    first, again = await desk("add", "strict.toml", "--by", "ada"), await desk("add", "strict.toml")
    listed = json.loads((await desk("list", "--json")).out)
    assert (first.code, again.code) == (0, 0)
    assert first.out.startswith("strict-brands@")
    assert "known already" in again.out
    assert [(row["version"], row["live"], row["added_by"]) for row in listed] == [(first.out.split()[0], False, "ada")]
    assert "strict-brands@" in (await desk("list")).out


async def test_an_edited_prompt_is_another_version_and_diff_shows_the_line(desk: Desk) -> None:
    await desk("add", "strict.toml")
    desk.write("prompts/judgements.md", "Grade strictly.\nA wrong brand is irrelevant.\n")
    told = await desk("diff", "strict-brands", "strict.toml")
    assert told.code == 0
    assert "+A wrong brand is irrelevant." in told.out
    assert json.loads((await desk("diff", "strict-brands", "settings", "--json")).out)["prompts"]["judgements"]
    shown = await desk("show", "strict.toml")
    assert "A wrong brand is irrelevant." in shown.out


async def test_a_promotion_is_refused_without_a_gate_and_forced_with_a_reason(desk: Desk, pool: Pool) -> None:
    refused = await desk("promote", "strict.toml", "--why", "better")
    assert refused.code == 2
    assert "has passed no gate on the current dataset" in refused.err
    assert (await count(pool, "judges"), await count(pool, "judge_deeds")) == (0, 0)
    forced = await desk("promote", "strict.toml", "--why", "the old model ends", "--force", "--by", "ada")
    assert forced.code == 0
    assert "is live, without a passed gate" in forced.out
    (deed,) = json.loads((await desk("log", "--json")).out)
    assert (deed["act"], deed["by"], deed["why"], deed["gate_id"]) == ("promote", "ada", "the old model ends", None)
    assert "the old model ends" in (await desk("log")).out


async def test_a_rollback_past_the_first_promotion_makes_the_settings_judge_live(desk: Desk) -> None:
    await desk("promote", "strict.toml", "--why", "better", "--force")
    assert json.loads((await desk("show", "--json")).out)["name"] == "strict-brands"
    back = await desk("rollback", "--why", "worse")
    assert (back.code, "the settings' judge is live again" in back.out) == (0, True)
    assert json.loads((await desk("show", "--json")).out)["name"] == "settings"
    assert (await desk("rollback", "--why", "once more")).code == 2


async def test_the_status_names_the_live_judge(desk: Desk) -> None:
    before = json.loads((await desk.status("--json")).out)["live_judge"]
    await desk("promote", "strict.toml", "--why", "w", "--force")
    after = json.loads((await desk.status("--json")).out)["live_judge"]
    assert [version.partition("@")[0] for version in (before, after)] == ["settings", "strict-brands"]
    assert after in (await desk.status()).out


async def test_a_candidate_goes_into_the_shadow_and_out(desk: Desk) -> None:
    into = await desk("shadow", "strict.toml", "--share", "0.1")
    standing = json.loads((await desk("shadows", "--json")).out)
    out = await desk("unshadow", "strict-brands")
    assert (into.code, out.code) == (0, 0)
    assert [row["share"] for row in standing["shadows"]] == [0.1]
    assert json.loads((await desk("shadows", "--json")).out)["shadows"] == []
    assert (await desk("shadows")).code == 0


async def test_why_has_to_be_said(desk: Desk) -> None:
    assert (await desk("promote", "strict.toml")).code == 2
    assert (await desk("rollback", "--why", " ")).code == 2


BAD = {
    "a missing prompt": (FILE.replace("judgements.md", "gone.md"), "prompts/gone.md: there is no such file"),
    "an unknown model": (FILE.replace("offline-judge", "ofline"), "no price is known for the model 'ofline'"),
    "an unknown key": (FILE.replace("model =", "temperture = 1\nmodel ="), "line 3: there is no key 'temperture'"),
    "a wrong mode": (FILE.replace("[prompts]", 'mode = "x"\n[prompts]'), "line 5: mode: Input should be 'text'"),
    "no TOML": ("name =", "is no TOML: Invalid value (at"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
async def test_a_bad_file_is_refused_in_one_line_and_nothing_is_stored(
    desk: Desk, pool: Pool, text: str, said: str
) -> None:
    desk.write("strict.toml", text)
    done = await desk("add", "strict.toml")
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert await count(pool, "judges") == 0


async def test_an_empty_prompt_and_one_that_shows_an_anchor_are_refused(desk: Desk, pool: Pool) -> None:
    await pool.execute(
        """
        INSERT INTO assay_data.anchors (anchor_id, application, market, language, query, listing, human_grade, added_at)
        VALUES ('a', 'shop', 'de', 'en', 'red lamp', '{"title": "Acme lamp, red"}', 2, now())
        """
    )
    desk.write("prompts/judgements.md", "For red lamp, Acme lamp, red is highly relevant.")
    shown = await desk("add", "strict.toml")
    desk.write("prompts/judgements.md", " \n")
    empty = await desk("add", "strict.toml")
    assert (shown.code, empty.code) == (2, 2)
    assert "shows the anchor 'red lamp'" in shown.err
    assert "judgements.md is empty" in empty.err
    assert await count(pool, "judges") == 0


async def test_a_name_that_is_nobodys_is_refused(desk: Desk) -> None:
    done = await desk("promote", "nobody", "--why", "w", "--force")
    assert (done.code, "there is no judge 'nobody'" in done.err) == (2, True)
    assert (await desk("add", "gone.toml")).err.strip() == "assay: gone.toml: there is no such file"
