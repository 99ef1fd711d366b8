"""The index of a feed (Atom or RSS): which documents it names. No DTD, no entities; only documents on the feed's own host."""

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from warden_bot.domain.cap import CapRefused, read_xml

MOST_DOCUMENTS = 1000
DEEPEST = 20  # elements inside each other
CAP_TYPE = "application/cap+xml"


class _Links:
    """Collects the links of entries and items; those of the feed itself stand outside of them."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []  # the type that the link names, and the address
        self.root = ""
        self._path: list[str] = []
        self._words: list[str] = []

    def opens(self, name: str, attributes: Mapping[str, str]) -> None:
        local = name.rpartition("}")[2]
        self.root = self.root or local
        if len(self._path) >= DEEPEST:
            raise CapRefused("目录的层数太多")
        self._path.append(local)
        self._words = []
        if local == "link" and "href" in attributes and "entry" in self._path:
            self.found.append((attributes.get("type", ""), attributes["href"]))

    def closes(self, _name: str) -> None:
        local, words = self._path.pop(), "".join(self._words).strip()
        if local == "link" and words and "item" in self._path:
            self.found.append(("", words))

    def says(self, words: str) -> None:
        self._words.append(words)


def documents_of(body: bytes, address: str) -> list[str]:
    """Return the addresses that an index names, the newest first as it has them. Raise CapRefused for what is none."""
    links = _Links()
    read_xml(body, links)
    if links.root not in ("feed", "rss", "RDF"):
        raise CapRefused("既不是 CAP，也不是 Atom 或 RSS 目录")
    of_cap = [link for kind, link in links.found if kind == CAP_TYPE]
    chosen = of_cap or [link for _, link in links.found]
    whole = [urljoin(address, link) for link in chosen]
    return [link for link in dict.fromkeys(whole) if _same_house(link, address)][:MOST_DOCUMENTS]


def _same_house(link: str, address: str) -> bool:
    try:
        there, here = urlsplit(link), urlsplit(address)
    except ValueError:
        return False
    return (there.scheme, there.netloc) == (here.scheme, here.netloc)
