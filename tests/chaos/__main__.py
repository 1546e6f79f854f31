"""`python -m tests.chaos`: the long run, see docs/chaos.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.chaos.faults import LONG, SHORT
from tests.chaos.report import Report, text
from tests.chaos.run import Wanted, run
from tests.chaos.servers import ROOT


def main() -> int:
    """Run, print, and say by the exit code whether anything was wrong."""
    arguments = _arguments()
    directory = Path(tempfile.mkdtemp(prefix="assay-chaos-"))
    wanted = Wanted(
        records=arguments.records,
        minutes=arguments.minutes,
        replicas=arguments.replicas,
        seed=arguments.seed,
        protocol=arguments.protocol,
        dose=SHORT if arguments.short else LONG,
        source=arguments.source,
    )
    print(f"seed {wanted.seed}; logs are in {directory}", flush=True)
    try:
        report = asyncio.run(_interruptible(wanted, directory))
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("broken off; nothing that it started runs any more")
        return 130
    print(text(report))
    if arguments.report:
        arguments.report.write_text(json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n")
    if report.is_clean and not arguments.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if report.is_clean else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--minutes", type=float, default=12.0, help="how long records come")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--protocol", choices=("consumer", "classic", "both"), default="both")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--short", action="store_true", help="the few faults of the test in CI")
    parser.add_argument("--report", type=Path, help="write the report as JSON, too")
    parser.add_argument("--keep", action="store_true", help="keep the logs of a run that found nothing")
    parser.add_argument("--source", type=Path, default=ROOT, help="the tree whose code runs")
    return parser.parse_args()


async def _interruptible(wanted: Wanted, directory: Path) -> Report:
    """SIGTERM ends it as Ctrl-C does: with everything it started."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(wanted, directory)


if __name__ == "__main__":
    sys.exit(main())
