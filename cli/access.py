"""The door of the console, as the settings make it."""

from __future__ import annotations

import ipaddress

import structlog

from core.adapters.audit import PostgresAudit
from core.adapters.postgres import Pool
from core.console.access import Door
from core.ports import Clock
from core.settings import Settings
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

OPEN = (
    "nobody signs in, and whoever reaches this address reads pages and API; nobody writes. ASSAY_CONSOLE_TOKENS or "
    "ASSAY_CONSOLE_PROXY_USER_HEADER set up the sign-in (docs/access.md)"
)
EDITS_GONE = (
    "ASSAY_CONSOLE_EDITS is no longer read: those who sign in with the role review or operate edit guidelines; set "
    "ASSAY_CONSOLE_TOKENS or ASSAY_CONSOLE_PROXY_USER_HEADER (docs/access.md)"
)


def door_of(settings: Settings, pool: Pool, clock: Clock, metrics: Metrics) -> Door:
    """Who may come in; says in the log what an operator should know of it."""
    say_who_may(settings)
    return Door(
        settings, PostgresAudit(pool), clock, lambda reason: metrics.count("assay_console_refused_total", reason=reason)
    )


def say_who_may(settings: Settings) -> None:
    """Warnings of what was perhaps not meant."""
    if settings.console_edits == "enabled":
        log.warning("console.edits_setting_ignored", why=EDITS_GONE)
    if not settings.console_has_sign_in and not is_loopback(settings.http_host):
        log.warning("console.open", host=settings.http_host, why=OPEN)


def is_loopback(host: str) -> bool:
    """Whether only this machine gets there; a name other than localhost may mean anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
