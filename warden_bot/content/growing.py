"""Write one more way of asking into an answer's page, and the labelled line that goes with it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from warden_bot.content.labelled import GROWING, labelled_row, read_labelled
from warden_bot.content.learnt import FOLDER
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.errors import Refused

HEADING, SAMPLES = "## ", "## 问法"
LEARNT = ".bin"  # the ending of what was learnt
UNFINISHED = "growing"  # the ending of a file that is being written


@dataclass(frozen=True, slots=True)
class Growth:
    """One question that is to belong to a topic."""

    topic: str
    words: str

    @property
    def page(self) -> str:
        """The answer's page within the content folder."""
        return f"answers/{self.topic}.md"


@contextmanager
def alone_with(folder: Path) -> Iterator[None]:
    """Keep others from growing the same folder meanwhile. Raise Refused when somebody does just now."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.glob(f"*/.*.{UNFINISHED}"):  # by one who was killed
            left.unlink(missing_ok=True)
        yield
    except BlockingIOError:
        raise Refused("有人正在加问法，过一会儿再试") from None
    finally:
        os.close(held)  # and the lock with it


@contextmanager
def draft_of(folder: Path) -> Iterator[Path]:
    """Copy the folder, so that words can be tried out while the running bot sees nothing of them.

    The copy has what was learnt too, and learns for itself: what comes of refused words is thrown away with it.
    """
    with tempfile.TemporaryDirectory() as place:
        draft = Path(place) / folder.resolve().name
        shutil.copytree(folder, draft, ignore=_left_out)
        yield draft


def _left_out(place: str, names: list[str]) -> list[str]:
    """Return what is just being written, by the running bot or by an editor's program."""
    learnt = Path(place).name == FOLDER
    return [name for name in names if (not name.endswith(LEARNT) if learnt else name.endswith(f".{UNFINISHED}"))]


def keep_learnt(draft: Path, folder: Path) -> None:
    """Keep for a folder what was learnt from its copy, so that the running bot need not learn it again."""
    with suppress(OSError):
        (folder / FOLDER).mkdir(exist_ok=True)
        for learnt in (draft / FOLDER).glob(f"*{LEARNT}"):
            beside = folder / FOLDER / f"{learnt.name}.{os.getpid()}"
            shutil.copyfile(learnt, beside)
            beside.replace(folder / FOLDER / learnt.name)


def grow(folder: Path, growth: Growth) -> Callable[[], None]:
    """Write a question into its page and into the labelled lines; return what puts both back as they were.

    Where it stands already, nothing is written: somebody was stopped on the way, and this is the rest of it.
    """
    page, labelled = folder / growth.page, folder / GROWING
    before = {page: _read(page), labelled: _read(labelled) if labelled.exists() else None}

    def restore() -> None:
        for path, text in before.items():
            if text is None:
                path.unlink(missing_ok=True)
            else:
                _replace(path, text)

    try:
        if _is_new(folder, growth):
            labelled.parent.mkdir(exist_ok=True)
            _replace(labelled, _ended(before[labelled] or "") + labelled_row(growth.words, growth.topic) + "\n")
        if (grown := grown_page(before[page] or "", growth.words)) != before[page]:
            _replace(page, grown)
    except OSError:
        restore()
        raise
    return restore


def is_grown(folder: Path, growth: Growth) -> bool:
    """Say whether a question stands in its page and in the labelled lines. Raise Refused when it is labelled otherwise."""
    page = _read(folder / growth.page)
    return not _is_new(folder, growth) and grown_page(page, growth.words) == page


def _is_new(folder: Path, growth: Growth) -> bool:
    """Say whether the words are not labelled yet. Raise Refused when they are labelled otherwise."""
    words = normalise(growth.words)
    for line in read_labelled(folder).lines:
        if normalise(line.text) == words:
            if growth.topic in line.topics:
                return False
            wanted = "、".join(sorted(line.topics)) or line.expect.value
            raise Refused(f"{line.file}:{line.line} 里这句话归 {wanted}，先改那里")
    return True


def grown_page(text: str, words: str) -> str:
    """Return an answer's page with one more sample, after the last one; the page as it is when it has this one.

    Raise Refused when it has no list of them.
    """
    rows = text.splitlines(keepends=True)
    head = next((place for place, row in enumerate(rows) if row.strip() == SAMPLES), None)
    if head is None:
        raise Refused(f"这条回答里没有“{SAMPLES}”")
    last, plain = head, normalise(words)
    for place in range(head + 1, len(rows)):
        if rows[place].startswith(HEADING):
            break
        if rows[place].startswith(("- ", "* ")):
            last = place
            if normalise(rows[place][2:]) == plain:
                return text
    mark = "\r\n" if rows[head].endswith("\r\n") else "\n"
    rows[last] = rows[last].rstrip("\r\n") + mark
    rows.insert(last + 1, f"- {words}{mark}")
    return "".join(rows)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:  # line ends stay as the editor's program writes them
        return file.read()


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.{UNFINISHED}")  # nobody else grows the folder meanwhile
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
