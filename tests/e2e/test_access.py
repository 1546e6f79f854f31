"""A run whose settings name who may come in."""

from __future__ import annotations

import aiohttp

from tests.e2e.conftest import Place

TOKEN = "a-token-of-the-tests-of-24-characters"


async def test_a_console_with_tokens_lets_in_who_has_one_and_never_shows_it(place: Place) -> None:
    assay = place.assay.having(console_tokens=f"ada:review:{TOKEN}", console_edits="enabled")
    async with assay.started("run", "console") as running:
        address = await running.address()
        async with aiohttp.ClientSession(address) as program:
            path = "/v1/relevance?query=mug&market=uk"
            statuses = []
            for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer wrong"}):
                async with program.get(path, headers=headers) as response:
                    statuses.append(response.status)
            async with program.get("/metrics") as response:
                metrics = await response.text()
        logged = running.log()
    assert statuses == [401, 200, 401]
    assert 'assay_console_refused_total{reason="wrong_token"} 1.0' in metrics
    assert [line["event"] for line in logged if str(line["event"]).startswith("console.edits")] == [
        "console.edits_setting_ignored"
    ]
    assert TOKEN not in str(logged)


async def test_a_wrong_token_setting_stops_the_start_without_showing_it(place: Place) -> None:
    done = await place.assay.having(console_tokens=f"ada:admin:{TOKEN}")("run", "console")
    assert done.code == 2
    assert "ASSAY_CONSOLE_TOKENS" in done.one_line()
    assert TOKEN not in done.err
