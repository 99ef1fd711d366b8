"""The bulletin as a picture: an SVG filled in here and turned into a PNG, where the machine has a Chinese font.

docs/decisions/0026 says why it is made so. Without a font or the renderer there is no picture, and the text goes alone.
"""

import logging
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

MEDIA_TYPE = "image/png"
WIDEST_BAR, THINNEST_BAR = 960, 26
SMALLEST = 16  # of letters: what is smaller nobody reads
LONGEST_LINE = 36  # halves of a Chinese character
FIRST_BAR, BAR_HEIGHT, LINE_HEIGHT = 280, 130, 66
FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
# How the files of fonts with all common Chinese characters begin, the better looking first.
FONTS = (
    "NotoSansCJK",
    "NotoSansSC",
    "NotoSansHans",
    "SourceHanSans",
    "wqy-microhei",
    "wqy-zenhei",
    "PingFang",
    "STHeiti",
    "msyh",
    "simhei",
    "DroidSansFallback",
)
KINDS = frozenset({".ttf", ".ttc", ".otf"})
INSTALL = (
    "装一个中文字体，如 apt install fonts-wqy-microhei，再重启；用容器的，按仓库里的 Dockerfile 重新构建，里面装好了"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure as it is drawn; `length` 0 for what is none or too small to be shown."""

    name: str
    printed: str
    compared: str
    length: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """What stands in the picture; all of it stands in the text too."""

    title: str
    station: str
    span: str
    bars: Sequence[Bar]
    advice: str
    closing: str


@cache
def find_font() -> Path | None:
    """Return a file of a Chinese font, None where the machine has none. A font that is put there needs a new start."""
    found = [path for folder in FOLDERS for path in _files(Path(folder).expanduser())]
    ranks = {path: rank for path in found for rank, name in enumerate(FONTS) if path.name.startswith(name)}
    # The regular face reads best; it is the one that has no other word in its name.
    return min(ranks, key=lambda path: (ranks[path], "Regular" not in path.name, len(path.name)), default=None)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in KINDS) if folder.is_dir() else iter(())


def draw(drawing: Drawing, font: Path | None) -> bytes | None:
    """Return the picture as a PNG, None where none can be made. Takes a tenth of a second: not for the event loop."""
    if font is None:
        log.warning("no picture of the bulletin: no Chinese font on this machine")
        return None
    try:
        from PIL import ImageFont  # noqa: PLC0415 -- once a week; commands start faster without it
        from resvg_py import svg_to_bytes  # noqa: PLC0415 -- the same

        family = ImageFont.truetype(font, 10).getname()[0] or ""
        svg = _svg(drawing, family)
        return svg_to_bytes(svg_string=svg, font_files=[str(font)], font_family=family, skip_system_fonts=True)
    except (ImportError, OSError, ValueError) as error:
        log.warning("no picture of the bulletin: %s", type(error).__name__)
        return None


def _svg(drawing: Drawing, family: str) -> str:
    longest = max((bar.length for bar in drawing.bars), default=0)
    rooms = [_halves(bar.printed) * 32 + 30 for bar in drawing.bars]  # what the number takes
    beside = [room + _halves(bar.compared) * 18 + 30 for room, bar in zip(rooms, drawing.bars, strict=True)]
    bars = [
        {
            "name": bar.name,
            "name_size": _size(bar.name, 50, WIDEST_BAR - beside[place]),
            "printed": bar.printed,
            "compared": bar.compared,
            "room": rooms[place],
            "width": max(WIDEST_BAR * bar.length // longest, THINNEST_BAR) if bar.length else 0,
            "y": FIRST_BAR + BAR_HEIGHT * place,
        }
        for place, bar in enumerate(drawing.bars)
    ]
    advice = list(_lines(drawing.advice))
    advice_y = FIRST_BAR + BAR_HEIGHT * len(bars) - 20
    advice_height = LINE_HEIGHT * len(advice) + 46
    heading = f"{drawing.station}　{drawing.span}"
    values = {
        "family": family,
        "title": drawing.title,
        "title_size": _size(drawing.title, 68),
        "heading": heading,
        "heading_size": _size(heading, 40),
        "bars": bars,
        "advice": advice,
        "advice_y": advice_y,
        "advice_height": advice_height,
        "closing": drawing.closing,
        "closing_size": _size(drawing.closing, 32),
        "height": advice_y + advice_height + 110,
    }
    folder = FileSystemLoader(Path(__file__).parent / "pictures")
    template = Environment(loader=folder, autoescape=True, undefined=StrictUndefined).get_template("bulletin.svg")
    return template.render(values)


def _size(text: str, usual: int, room: int = WIDEST_BAR) -> int:
    """Return the size at which a line fits into its room: the station's name may be long."""
    return max(min(usual, 2 * room // max(_halves(text), 1)), SMALLEST)


def _halves(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)


def _lines(text: str) -> Iterator[str]:
    """Cut a text into lines; no line begins with a mark that closes."""
    line = ""
    for character in "".join(text.split("\n")):
        if _halves(line + character) > LONGEST_LINE and character not in "，。；：！？、）”":
            yield line
            line = ""
        line += character
    if line:
        yield line
