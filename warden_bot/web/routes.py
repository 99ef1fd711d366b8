"""The whole URL table on one screen."""

from aiohttp import web

from warden_bot.web import alarms, council, councilcodes, lessons, openapi, relay, sandbox
from warden_bot.web.callbacks import add_callbacks
from warden_bot.web.console.doorplate import add_console
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
    site.router.add_get("/relay/{token:[A-Za-z0-9_-]+}/picture", relay.picture)
    site.router.add_post("/relay/{token:[A-Za-z0-9_-]+}/posted", relay.posted)
    site.router.add_get("/relay/{token:[A-Za-z0-9_-]+}/posted", relay.page)  # who looks at it again only looks
    site.router.add_get("/relay/class/{token:[A-Za-z0-9_-]+}", relay.class_page)
    site.router.add_post(r"/relay/class/{token:[A-Za-z0-9_-]+}/heard/{alert:\d{1,18}}", relay.heard)
    site.router.add_static("/pages", relay.STATIC)
    site.router.add_post("/api/v1/alarms/{source}", alarms.alarm)
    site.router.add_get("/api/v1/openapi.json", openapi.openapi)
    site.router.add_get("/lesson/{token:[A-Za-z0-9_-]+}", lessons.page)
    site.router.add_post("/lesson/{token:[A-Za-z0-9_-]+}", lessons.answered)
    site.router.add_get("/council", council.hall)
    site.router.add_get("/council/{name:[a-z0-9-]+}", council.page)
    site.router.add_post("/council/{name:[a-z0-9-]+}", council.said)
    site.router.add_get("/council/{name:[a-z0-9-]+}/mine", councilcodes.page)
    site.router.add_post("/council/{name:[a-z0-9-]+}/mine", councilcodes.asked)
    add_tip_form(site)
    add_console(site)
    if house.demo:
        site.router.add_get("/", sandbox.to_page)
        site.router.add_get("/sandbox", sandbox.page)
        site.router.add_get("/sandbox/state", sandbox.state)
        site.router.add_get("/sandbox/rooms/{room}", sandbox.room)
        site.router.add_get("/sandbox/events", sandbox.events)
        site.router.add_get("/sandbox/pictures/{key}", sandbox.picture)
        site.router.add_post("/sandbox/messages", sandbox.message)
        site.router.add_static("/static", sandbox.STATIC)
        site.router.add_post("/sandbox/campaigns/next", sandbox.fire_next)
        site.router.add_post(r"/sandbox/broadcasts/{broadcast:\d{1,18}}/resend", sandbox.resend)
    return site
