"""GET /metrics: the numbers, for Prometheus."""

import asyncio
import logging

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from warden_bot.states import DeliveryStatus, FindingKind
from warden_bot.store.cases import unheard_cases
from warden_bot.store.findings import counts_by_kind
from warden_bot.store.outages import outages_now
from warden_bot.store.outbox import oldest_waiting, open_and_stranded
from warden_bot.web.keys import HOUSE, House

# No index counts these.
ONLY_GROW = (DeliveryStatus.SENT, DeliveryStatus.RELAYED, DeliveryStatus.CANCELLED)

log = logging.getLogger(__name__)


async def metrics(request: web.Request) -> web.Response:
    """Read the gauges and show everything; 503 while the database cannot be asked, for then the gauges would lie."""
    house = request.app[HOUSE]
    try:
        await _read_gauges(house)
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises
        log.warning("no metrics: %s", type(error).__name__)
        return web.Response(status=503, text="the database cannot be read\n")
    shown = generate_latest(house.metrics.registry)
    return web.Response(body=shown, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _read_gauges(house: House) -> None:
    numbers = house.metrics
    async with house.database.read() as session:
        counts = await open_and_stranded(session)
        numbers.oldest_waiting.set(await oldest_waiting(session, house.clock()))
        findings = await counts_by_kind(session)
        numbers.platforms_down.set(len(await outages_now(session)))
        numbers.cases_unheard.set(await unheard_cases(session))
    for status in DeliveryStatus:
        if status not in ONLY_GROW:
            numbers.deliveries.labels(status).set(counts.get(status, 0))
    for kind in FindingKind:
        opened, times = findings.get(kind, (0, 0))
        numbers.findings_open.labels(kind).set(opened)
        numbers.findings_seen.labels(kind).set(times)
    numbers.spool_waiting.set(len(await asyncio.to_thread(house.spool.waiting)))
