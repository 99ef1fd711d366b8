"""The whole URL table on one screen."""

from aiohttp import web

from warden_bot.web import alarms, relay, sandbox
from warden_bot.web.callbacks import add_callbacks
from warden_bot.web.health import healthz, readyz
from warden_bot.web.keys import HOUSE, House
from warden_bot.web.metrics import metrics
from warden_bot.web.tipform import add_tip_form

LARGEST_BODY = 64 * 1024  # bytes of any other page; each channel says how large its callbacks may be


def build_health_site(house: House) -> web.Application:
    """Return what every role can show: that it lives, that it can work, and its numbers."""
    site = web.Application(client_max_size=LARGEST_BODY)
    site[HOUSE] = house
    site.router.add_get("/healthz", healthz)
    site.router.add_get("/readyz", readyz)
    site.router.add_get("/metrics", metrics)
    return site


def build_site(house: House) -> web.Application:
    """Return the web application. The sandbox is only there in the demo: elsewhere its pages are 404."""
    site = build_health_site(house)
    add_callbacks(site, house)
    site.router.add_get("/relay/{token:[A-Za-z0-9_-]+}", relay.page)
    site.router.add_post("/relay/{token:[A-Za-z0-9_-]+}/posted", relay.posted)
    site.router.add_get("/relay/{token:[A-Za-z0-9_-]+}/posted", relay.page)  # who looks at it again only looks
    site.router.add_get("/relay/class/{token:[A-Za-z0-9_-]+}", relay.class_page)
    site.router.add_static("/pages", relay.STATIC)
    site.router.add_post("/api/v1/alarms/{source}", alarms.alarm)
    add_tip_form(site)
    if house.demo:
        site.router.add_get("/", sandbox.to_page)
        site.router.add_get("/sandbox", sandbox.page)
        site.router.add_get("/sandbox/state", sandbox.state)
        site.router.add_get("/sandbox/rooms/{room}", sandbox.room)
        site.router.add_get("/sandbox/events", sandbox.events)
        site.router.add_post("/sandbox/messages", sandbox.message)
        site.router.add_static("/static", sandbox.STATIC)
        site.router.add_post("/sandbox/campaigns/next", sandbox.fire_next)
        site.router.add_post(r"/sandbox/broadcasts/{broadcast:\d{1,18}}/resend", sandbox.resend)
    return site
