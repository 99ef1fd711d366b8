"""The list of groups: import it from a file, all or nothing, every bad row named."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.errors import Fault, FaultsFound, SealBroken
from warden_bot.handlers.placing import leave_unbound, place_group
from warden_bot.spreadsheet import Row, read_table
from warden_bot.states import ChannelKind, FindingKind, GroupKind, GroupStatus
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.findings import mend
from warden_bot.store.groups import ADDRESS, SECRET, Group, GroupCount, all_groups
from warden_bot.store.officers import all_officers
from warden_bot.store.sealing import Sealer

NEEDED = ("code", "name", "kind", "channel", "address")
COLUMNS = ("code", "name", "kind", "grade", "channel", "address", "secret", "teacher", "teacher_address", "officer")
SHARED_ADDRESSES = frozenset({ChannelKind.WEBHOOK, ChannelKind.RELAY})  # one receiver, or teacher, for many groups
TO_BIND = "bind"  # the address comes with the code that the teacher types into the chat; one that came already stays
NO_ADDRESS = "link"  # the teacher uses the class's own page
LONGEST_CELL, LONGEST_CODE = 500, 64


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One good row of a groups file."""

    line: int
    code: str
    name: str
    kind: GroupKind
    grade: str
    channel: ChannelKind
    address: str
    secret: str
    teacher: str
    teacher_address: str
    officer: str


@dataclass(frozen=True, slots=True)
class GroupFile:
    """A groups file without faults, and what in it deserves a second look."""

    name: str
    rows: list[GroupRow]


def read_groups(path: Path, channels: Channels) -> GroupFile:
    """Read a groups file. Raise FaultsFound naming every bad row."""
    faults: list[Fault] = []
    rows = [_row(path.name, row, channels, faults) for row in read_table(path, NEEDED, COLUMNS)]
    good = [row for row in rows if row is not None]
    _refuse_repeats(path.name, good, faults)
    if faults:
        raise FaultsFound(sorted(faults, key=lambda fault: fault.line))
    return GroupFile(path.name, good)


def _row(name: str, row: Row, channels: Channels, faults: list[Fault]) -> GroupRow | None:
    cells = _with_teacher({column: row.cells.get(column, "") for column in COLUMNS}, channels)
    wrong = _cell_faults(cells, channels)
    faults += [Fault(name, row.line, reason) for reason in wrong]
    if wrong:
        return None
    return GroupRow(
        row.line,
        cells["code"],
        cells["name"],
        GroupKind(cells["kind"]),
        cells["grade"],
        ChannelKind(cells["channel"]),
        cells["address"],
        cells["secret"],
        cells["teacher"],
        cells["teacher_address"],
        cells["officer"],
    )


def _with_teacher(cells: dict[str, str], channels: Channels) -> dict[str, str]:
    """Return a row whose text a person posts with the teacher's own address, where the column for that has one.

    Without a colon of any width that column holds a note for people.
    """
    kind = cells["channel"]
    if kind not in set(ChannelKind) or not channels[ChannelKind(kind)].capabilities.hands_over:
        return cells
    if ":" in cells["address"] or not re.search("[:：]", cells["teacher_address"]):
        return cells | {"address": cells["address"] or NO_ADDRESS}
    return cells | {"address": cells["teacher_address"], "teacher_address": ""}  # so that it is kept sealed


def _cell_faults(cells: dict[str, str], channels: Channels) -> list[str]:
    """Return everything that is wrong with one row's cells."""
    found = [f"缺少 {column}" for column in NEEDED if not cells[column]]
    found += [f"{column} 太长（{len(cell)} 个字）" for column, cell in cells.items() if len(cell) > LONGEST_CELL]
    code, kind, channel, address = (cells[column] for column in ("code", "kind", "channel", "address"))
    if re.search(r"[\s+,:]", code) or len(code) > LONGEST_CODE:
        found.append(f"代号“{code[:LONGEST_CODE]}”里不能有空格、+、逗号、冒号，最长 {LONGEST_CODE} 个字")
    if kind and kind not in set(GroupKind):
        found.append(f"kind{_quoted(kind)}不认识，要写 {'、'.join(GroupKind)}")
    if channel and channel not in set(ChannelKind):
        found.append(f"channel{_quoted(channel)}不认识，要写 {'、'.join(ChannelKind)}")
    elif channel and address not in ("", TO_BIND) and (wrong := channels[ChannelKind(channel)].address_fault(address)):
        found.append(wrong)
    return found


def _quoted(cell: str) -> str:
    """Quote a short word; anything else may be a key that slipped into the wrong column."""
    return f"“{cell}”" if re.fullmatch(r"[A-Za-z_]{1,16}", cell) else ""


def _refuse_repeats(name: str, rows: list[GroupRow], faults: list[Fault]) -> None:
    """Name codes and addresses that stand twice. The address itself is a secret, so only the lines are named."""
    codes: dict[str, int] = {}
    addresses: dict[tuple[ChannelKind, str], int] = {}
    for row in rows:
        if row.code in codes:
            faults.append(Fault(name, row.line, f"代号 {row.code} 和第 {codes[row.code]} 行重复"))
        codes.setdefault(row.code, row.line)
        place = (row.channel, row.address)
        if row.channel not in SHARED_ADDRESSES and row.address != TO_BIND and place in addresses:
            faults.append(Fault(name, row.line, f"地址和第 {addresses[place]} 行重复，两个班会收进同一个群"))
        addresses.setdefault(place, row.line)


async def import_groups(
    session: Session, file: GroupFile, channels: Channels, sealer: Sealer, actor: str, now: datetime, *, prune: bool
) -> GroupCount:
    """Add or update by code. Groups that the file does not name stay, or with `prune` are retired.

    Raise FaultsFound when an address already belongs to another group.
    """
    known = {group.code: group for group in await all_groups(session, retired=True)}
    _refuse_taken(file, known, sealer)
    added = changed = 0
    broken = {group.code for group in known.values() if group.route_broken_at is not None}
    for row in file.rows:
        group = known.get(row.code)
        if group is None:
            session.add(_new_group(session, row, channels, sealer, now))
            added += 1
        elif _update(group, row, channels, sealer, now):
            session.add(group)
            changed += 1
    # A new address is taken for good until it is tried.
    await mend(session, FindingKind.ROUTE_BROKEN, now, [code for code in broken if not known[code].route_broken_at])
    named = {row.code for row in file.rows}
    left_out = [one for one in known.values() if one.code not in named and one.status is GroupStatus.ACTIVE]
    for group in left_out if prune else []:
        group.status, group.updated_at = GroupStatus.RETIRED, now
        session.add(group)
    count = GroupCount(added, changed, len(file.rows) - added - changed, len(left_out) if prune else 0)
    add_entry(session, actor, AuditAction.GROUPS_IMPORTED, f"{file.name}: +{added} ~{changed} -{count.retired}", now)
    return count


def _refuse_taken(file: GroupFile, known: dict[str, Group], sealer: Sealer) -> None:
    """Refuse an address that another, unnamed group has: two groups would hear through one door."""
    named = {row.code for row in file.rows}
    taken = {
        (group.channel, _opened(sealer, group.sealed_address, ADDRESS)): group.code
        for group in known.values()
        if group.code not in named and group.status is GroupStatus.ACTIVE and group.channel not in SHARED_ADDRESSES
    }
    faults = [
        Fault(file.name, row.line, f"地址已经是群 {taken[row.channel, row.address]} 的")
        for row in file.rows
        if (row.channel, row.address) in taken
    ]
    if faults:
        raise FaultsFound(faults)


def _plain(row: GroupRow) -> dict[str, Any]:
    """Return the columns of a row that are kept as they are."""
    return {
        "name": row.name,
        "kind": row.kind,
        "grade": row.grade,
        "channel": row.channel,
        "teacher": row.teacher,
        "teacher_address": row.teacher_address,
        "officer": row.officer,
        "status": GroupStatus.ACTIVE,
    }


def _new_group(session: Session, row: GroupRow, channels: Channels, sealer: Sealer, now: datetime) -> Group:
    group = Group(
        school_id=session.school_id,
        code=row.code,
        sealed_address=b"",
        sealed_secret=sealer.seal(row.secret, SECRET) if row.secret else None,
        created_at=now,
        updated_at=now,
        **_plain(row),
    )
    if row.address == TO_BIND and not channels[row.channel].capabilities.hands_over:
        leave_unbound(group, channels, sealer, now)
    else:
        place_group(group, row.channel, row.address, channels, sealer)
    return group


def _update(group: Group, row: GroupRow, channels: Channels, sealer: Sealer, now: datetime) -> bool:
    changes = {column: value for column, value in _plain(row).items() if getattr(group, column) != value}
    if (_opened(sealer, group.sealed_secret, SECRET) if group.sealed_secret else "") != row.secret:
        changes["sealed_secret"] = sealer.seal(row.secret, SECRET) if row.secret else None
    address = _opened(sealer, group.sealed_address, ADDRESS)
    moved = group.channel is not row.channel or address != row.address
    if row.address == TO_BIND and (address or group.channel is row.channel):  # bound meanwhile, or still waiting for it
        moved = False
        changes.pop("channel", None)
        changes.pop("sealed_secret", None)
    for column, value in changes.items():
        setattr(group, column, value)
    if moved and row.address == TO_BIND and not channels[row.channel].capabilities.hands_over:
        leave_unbound(group, channels, sealer, now)
    elif moved:
        place_group(group, row.channel, row.address, channels, sealer)
    if changes or moved:
        group.updated_at = now
    return bool(changes) or moved


def _opened(sealer: Sealer, sealed: bytes, context: str) -> str | None:
    """Open what is sealed; None where its key is lost: importing the group anew is the remedy for that."""
    try:
        return sealer.open(sealed, context)
    except SealBroken:
        return None


def vague_addresses(file: GroupFile, channels: Channels) -> list[str]:
    """Say which rows name a teacher in a way that nobody can be told by: most likely a slip, for `link` says so."""
    return [
        f"{file.name}:{row.line}: 地址没有写渠道，当作“{NO_ADDRESS}”：老师收不到通知，要自己打开班级网页"
        for row in file.rows
        if channels[row.channel].capabilities.hands_over
        and row.address not in (NO_ADDRESS, TO_BIND)
        and ":" not in row.address
    ]


async def unknown_people(session: Session, file: GroupFile) -> list[str]:
    """Say which rows name an officer that nobody has added; it is only a hint, the column is free text."""
    names = {officer.name for officer in await all_officers(session)}
    return [
        f"{file.name}:{row.line}: 没有叫“{row.officer}”的民警"
        for row in file.rows
        if row.officer and row.officer not in names
    ]
