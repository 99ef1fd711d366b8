"""The demo school: one campus group, 368 class groups and a station, made where they are missing. All of it invented."""

from datetime import datetime, timedelta, tzinfo

from warden_bot.domain.duty import Shift
from warden_bot.errors import Refused
from warden_bot.states import ChannelKind, GroupKind, OfficerRole
from warden_bot.store.database import Session
from warden_bot.store.groups import ADDRESS, Group, address_hash, all_groups
from warden_bot.store.officers import ADDRESS as OFFICER_ADDRESS
from warden_bot.store.officers import Officer, all_officers, replace_shifts, shifts_at
from warden_bot.store.sealing import Sealer

CLASSES = {"高一": ("G1", 120), "高二": ("G2", 120), "高三": ("G3", 128)}
OFFICERS = {"值班民警甲": OfficerRole.OFFICER, "值班民警乙": OfficerRole.OFFICER, "所长": OfficerRole.CHIEF}
ROSTER = timedelta(days=365)


async def load_demo(session: Session, sealer: Sealer, zone: tzinfo, now: datetime) -> int:
    """Make the demo school's groups, officers and roster unless they are there; return how many groups there are."""
    present = await all_groups(session, retired=True)
    if any(group.channel is not ChannelKind.SANDBOX for group in present):
        raise Refused("这个数据库里有真实的群，演示会真的发出去；换一个数据库，或者用 warden-bot serve")
    if not present:
        session.add_all(_groups(session.school_id, sealer, now))
    people = {officer.name: officer for officer in await all_officers(session)}
    for number, (name, role) in enumerate(OFFICERS.items(), start=1):
        if name not in people:
            address = sealer.seal(f"private:officer-{number}", OFFICER_ADDRESS)
            officer = Officer(
                school_id=session.school_id,
                name=name,
                role=role,
                channel=ChannelKind.SANDBOX,
                sealed_address=address,
                created_at=now,
            )
            session.add(officer)
            people[name] = officer
    await session.flush()
    if not await shifts_at(session, now):
        start = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        steps = [
            Shift(people[name].id or 0, start, start + ROSTER, step) for step, name in enumerate(OFFICERS, start=1)
        ]
        await replace_shifts(session, steps)
    return len(await all_groups(session))


def _groups(school_id: int, sealer: Sealer, now: datetime) -> list[Group]:
    places = [("campus", "校园总群", GroupKind.CAMPUS, "")]
    for grade, (prefix, count) in CLASSES.items():
        places += [
            (f"{prefix}-{number:03}", f"{grade}{number}班", GroupKind.CLASS, grade) for number in range(1, count + 1)
        ]
    return [
        Group(
            school_id=school_id,
            code=code,
            name=name,
            kind=kind,
            grade=grade,
            channel=ChannelKind.SANDBOX,
            sealed_address=sealer.seal(code, ADDRESS),
            address_hash=address_hash(sealer, ChannelKind.SANDBOX, code),
            teacher=f"{name}主任" if kind is GroupKind.CLASS else "",
            created_at=now,
            updated_at=now,
        )
        for code, name, kind, grade in places
    ]
