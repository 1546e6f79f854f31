"""`assay offline-judge`."""

from __future__ import annotations

import aiohttp

from tests.e2e.command import Assay


async def test_it_prints_its_base_url_serves_there_and_ends_on_sigterm_with_0(bare: Assay) -> None:
    async with bare.started("offline-judge") as judge:
        base_url = await judge.printed()
        async with aiohttp.ClientSession() as session, session.get(f"{base_url}/models") as response:
            models = await response.json()
        done = await judge.terminated()
        second = await bare("offline-judge", "--host", "256.0.0.1")
    assert models["data"][0]["id"] == "offline-judge"
    assert (done.code, done.out, done.err) == (0, f"{base_url}\n", "")
    assert second.code == 2
    assert "--host" in second.one_line()
