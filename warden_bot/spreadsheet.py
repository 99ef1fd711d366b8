"""Read a table that somebody saved from a spreadsheet: CSV in UTF-8 or GB18030, or XLSX. Rows keep their line."""

import csv
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from warden_bot.errors import Fault, FaultsFound

LARGEST_FILE = 20 * 1024 * 1024  # bytes; 10,000 groups are about one megabyte
MOST_ROWS = 100_000
# Of a workbook: a small file may unpack to far more, and its reader makes room for all between the first and last cell.
LARGEST_UNPACKED = 100 * 1024 * 1024  # bytes
MOST_CELLS = 5_000_000
FILLED = re.compile(rb"<(?:\w+:)?(row|c)\b([^>]*)(?<!/)>")  # what ends in /> is a formatted cell with nothing in it
PLACE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})(\d{0,7})["']""")


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the headings: its line in the file, and its cells by heading."""

    line: int
    cells: dict[str, str]


def read_table(path: Path, needed: tuple[str, ...], known: tuple[str, ...]) -> list[Row]:
    """Return the rows. Raise FaultsFound when the file cannot be read or lacks a needed column; blank rows are left out."""
    name = path.name
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FaultsFound([Fault(name, 0, "文件太大（超过 20 MB）")])
        content = path.read_bytes()
    except OSError as error:
        raise FaultsFound([Fault(name, 0, f"读不了：{error.strerror}")]) from None
    table = _xlsx(name, content) if content[:4] == b"PK\x03\x04" else _csv(name, content)
    while table and not any(table[0][1]):
        table = table[1:]
    if not table:
        raise FaultsFound([Fault(name, 0, f"是空的；第一行要有列名：{','.join(known)}")])
    head_line, headings = table[0]
    _check_headings(name, head_line, headings, needed, known)
    crowded = [
        line
        for line, cells in table[1:]
        if any(cells[len(headings) :])
        or any(cell for heading, cell in zip(headings, cells, strict=False) if not heading)
    ]
    if crowded:
        raise FaultsFound([Fault(name, line, "格子比列名多，是不是多了一个逗号") for line in crowded])
    rows = [Row(line, dict(zip(headings, [*cells, *[""] * len(headings)], strict=False))) for line, cells in table[1:]]
    rows = [row for row in rows if any(row.cells.values())]
    if not rows:
        raise FaultsFound([Fault(name, head_line, "只有列名，没有内容")])
    return rows


def _check_headings(name: str, line: int, headings: list[str], needed: tuple[str, ...], known: tuple[str, ...]) -> None:
    if not set(headings) & set(known):  # most likely a row of values, which are not to be repeated here
        raise FaultsFound([Fault(name, line, f"第一行要有列名：{','.join(known)}")])
    faults = [Fault(name, line, f"缺少列 {heading}") for heading in needed if heading not in headings]
    faults += [
        Fault(name, line, f"不认识的列 {one}，可以写：{','.join(known)}")
        for one in headings
        if one and one not in known
    ]
    faults += [
        Fault(name, line, f"列 {one} 写了两次") for one in dict.fromkeys(headings) if one and headings.count(one) > 1
    ]
    if faults:
        raise FaultsFound(faults)


def _csv(name: str, content: bytes) -> list[tuple[int, list[str]]]:
    text = None
    for encoding in ("utf-8-sig", "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None or "\x00" in text:
        raise FaultsFound([Fault(name, 0, "不是 CSV 也不是 XLSX；请从表格软件里另存为 CSV（UTF-8）")])
    reader = csv.reader(io.StringIO(text.replace("\ufeff", ""), newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        start = 1
        for cells in reader:
            if any("\n" in cell or "\r" in cell for cell in cells):
                raise FaultsFound([Fault(name, start, "有个格子里换了行，或者引号没有配对")])
            rows.append((start, [cell.strip() for cell in cells]))
            start = reader.line_num + 1
            if len(rows) > MOST_ROWS:
                raise FaultsFound([Fault(name, start, f"超过 {MOST_ROWS} 行")])
    except csv.Error as error:
        raise FaultsFound([Fault(name, reader.line_num, f"CSV 写法不对：{error}")]) from None
    return rows


def _xlsx(name: str, content: bytes) -> list[tuple[int, list[str]]]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 -- rare: only for XLSX

    if _spans(name, content) > MOST_CELLS:
        raise FaultsFound([Fault(name, 0, "表格太大：很远的格子里有字，删掉多余的行和列再存一次")])
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        found = sheet.to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError) as error:
        raise FaultsFound([Fault(name, 0, f"打不开这个 XLSX：{error}")]) from None
    if len(found) > MOST_ROWS:
        raise FaultsFound([Fault(name, MOST_ROWS, f"超过 {MOST_ROWS} 行")])
    return [(line, [_cell(cell) for cell in cells]) for line, cells in enumerate(found, start=1)]


def _spans(name: str, content: bytes) -> int:
    """Return how many cells lie between the first and the last that are filled in the largest sheet."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > LARGEST_UNPACKED:
                raise FaultsFound([Fault(name, 0, "解开以后太大（超过 100 MB）")])
            return max((_spans_of(packed.read(part)) for part in parts if part.filename.endswith(".xml")), default=0)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise FaultsFound([Fault(name, 0, f"打不开这个 XLSX：{error}")]) from None


def _spans_of(sheet: bytes) -> int:
    rows = columns = row = 0
    for kind, attributes in FILLED.findall(sheet):
        letters, digits = found.groups() if (found := PLACE.search(attributes)) is not None else (b"", b"")
        row = int(digits) if digits else row
        if kind == b"c":
            column = 0
            for letter in letters.upper():
                column = column * 26 + letter - ord("A") + 1
            rows, columns = max(rows, row), max(columns, column)
    return rows * columns


def _cell(value: object) -> str:
    """Write a cell as a person sees it: 211 and not 211.0, times in ISO form."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip()
