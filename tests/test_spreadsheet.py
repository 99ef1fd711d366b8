import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from warden_bot.errors import FaultsFound
from warden_bot.spreadsheet import LARGEST_UNPACKED, Row, read_table

HEADINGS = ("officer", "starts_at", "ends_at")


def saved(folder: Path, change: Callable[[Worksheet], None]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(list(HEADINGS))
    book.active.append(["甲", "2026-11-24T08:00", "2026-11-24T20:00"])
    change(book.active)
    book.save(folder / "roster.xlsx")
    return folder / "roster.xlsx"


def test_cell_far_away_is_refused_before_room_is_made_for_all_between(tmp_path: Path) -> None:
    def write(sheet: Worksheet) -> None:
        sheet.cell(1_048_576, 16_384, "x")

    path = saved(tmp_path, write)

    with pytest.raises(FaultsFound, match="很远的格子里有字"):
        read_table(path, HEADINGS, HEADINGS)


def test_cell_that_is_only_formatted_is_not_in_the_way(tmp_path: Path) -> None:
    def paint(sheet: Worksheet) -> None:
        sheet.cell(1_048_576, 16_384).font = Font(bold=True)

    path = saved(tmp_path, paint)

    assert read_table(path, HEADINGS, HEADINGS) == [
        Row(2, dict(zip(HEADINGS, ("甲", "2026-11-24T08:00", "2026-11-24T20:00"), strict=True)))
    ]


def test_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, lambda _sheet: None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("xl/worksheets/sheet2.xml", bytes(LARGEST_UNPACKED))

    with pytest.raises(FaultsFound, match="解开以后太大"):
        read_table(path, HEADINGS, HEADINGS)
