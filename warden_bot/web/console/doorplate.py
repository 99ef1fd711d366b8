"""The console's part of the URL table."""

from aiohttp import web

from warden_bot.web.console import alert_form, alerts, cases, handover, roster, session

TOKEN = "{token:[A-Za-z0-9_-]+}"  # noqa: S105 -- a pattern of a URL
ALERT = r"/console/alerts/{alert:\d{1,18}}"


def add_console(site: web.Application) -> None:
    """Add the officers' pages."""
    site.router.add_get(f"/case/{TOKEN}", cases.linked)
    site.router.add_post(f"/case/{TOKEN}", cases.touched)
    site.router.add_get("/console", cases.listed)
    site.router.add_get("/console/cases", cases.looked_up)
    site.router.add_get("/console/cases/{code}", cases.shown)
    site.router.add_post("/console/cases/{code}", cases.changed)
    site.router.add_get("/console/alerts", alerts.alerts)
    site.router.add_get("/console/alerts/new", alert_form.empty_form)
    site.router.add_post("/console/alerts/new", alert_form.drafted)
    site.router.add_get(ALERT, alerts.shown)
    site.router.add_post(ALERT, alerts.changed)
    site.router.add_get(f"{ALERT}/classes", alerts.classes)
    site.router.add_post(f"{ALERT}/classes", alerts.called)
    site.router.add_get("/console/handover", handover.handover)
    site.router.add_get("/console/roster", roster.roster)
    site.router.add_post("/console/roster", roster.edited)
    site.router.add_get(f"/console/in/{TOKEN}", session.door)
    site.router.add_post(f"/console/in/{TOKEN}", session.sign_in)
    site.router.add_post("/console/out", session.sign_out)
