"""What the pages of the public form share: their two languages, their small answers, and what they remember."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp import web

from warden_bot.content.page_words import PageWords
from warden_bot.domain.calendar import day_words
from warden_bot.handlers.tipform import Taken
from warden_bot.web.keys import HOUSE
from warden_bot.web.relay import shown
from warden_bot.web.tries import Tries


@dataclass
class Porch:
    """What the form remembers while the program runs, and the one thread that reads pictures: they fill the memory."""

    tries: Tries = field(default_factory=Tries)
    painter: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "pictures"))


PORCH = web.AppKey("porch", Porch)
# What each language calls itself in a page's head, and the way to the other one: no editor's.
HEADS: Mapping[str, Mapping[str, str]] = {
    "zh": {"html_lang": "zh-CN", "other": "English", "other_lang": "en"},
    "en": {"html_lang": "en", "other": "中文", "other_lang": "zh"},
}


class Answered(Exception):
    """There is nothing more to do: this page is the answer."""

    def __init__(self, page: web.Response) -> None:
        super().__init__()
        self.page = page


def language_of(request: web.Request) -> str:
    """Return which of the two languages was chosen."""
    return "en" if request.query.get("lang") == "en" else "zh"


def words_for(request: web.Request) -> Mapping[str, str]:
    """Return the page's words by name."""
    library, language = request.app[HOUSE].shelf.library, language_of(request)
    keeps = {"tips": str(library.retention.tips), "reporters": str(library.retention.reporters)}
    return {**HEADS[language], **filled_in(request, library.form, language, **keeps)}


def filled_in(request: web.Request, words: PageWords, page: str, **values: str) -> dict[str, str]:
    """Return a page's words by name, as they are today; the values are those that only some sentences need."""
    house = request.app[HOUSE]
    return words.words(page, house.shelf.library.values(day_words(house.clock(), house.zone), **values))


def tip_page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """Return a page of the form in the language that was chosen."""
    suffix = "?lang=en" if language_of(request) == "en" else ""
    return shown(template, status, words=words_for(request), suffix=suffix, path=request.path, **values)


def line_page(request: web.Request, name: str, status: int, danger: str = "") -> web.Response:
    """Return a page that says one line, after what to do now where somebody is in danger."""
    return tip_page(request, "tip_line.html", status, line=words_for(request)[name], danger=danger)


def receipt_page(request: web.Request, taken: Taken, *, unread: bool) -> web.Response:
    """Return the page with the code."""
    danger = danger_line(request, taken.danger)
    return tip_page(request, "tip_taken.html", code=taken.code, danger=danger, unread=unread)


def danger_line(request: web.Request, danger: str) -> str:
    """Return what to do now, for words that tell of a danger."""
    if not danger:
        return ""
    if language_of(request) == "en":
        return words_for(request)["danger"]
    return request.app[HOUSE].shelf.library.replies.emergency(danger)
