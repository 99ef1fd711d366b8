"""Answers that anybody may give in a platform's place; and how to give one twice."""

from aiohttp import web


def portal(status: int = 200) -> web.Response:
    """Return the page of a hotel's network, or of a proxy that leads nowhere."""
    return web.Response(text="<html>portal</html>", content_type="text/html", status=status)


def fresh(answer: web.Response) -> web.Response:
    """Copy an answer, for each can be given only once."""
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
