import re

from tests.alerted import add_alert
from tests.desk import rows
from tests.station import LIST, ONE_KIND, TITLE, Station
from warden_bot.store.alerts import AlertEvent
from warden_bot.store.audit import AuditEntry

RIGHTS = [
    # who, the list, writes urgent, writes info, sees an urgent one, sees its classes
    ("甲", 200, 303, 303, 200, 200),
    ("所长", 200, 303, 303, 200, 200),
    ("编辑", 200, 403, 303, 403, 403),
    ("保卫", 403, 403, 403, 403, 403),
    ("运维", 403, 403, 403, 403, 403),
]


@ONE_KIND
async def test_each_role_sees_and_does_what_is_its_own(station: Station) -> None:
    number = await add_alert(station.desk.database)
    path, found = f"{LIST}/{number}", []
    for name, *_ in RIGHTS:
        who = station[name]
        urgent = await who.write()
        info = await who.write(severity="info")
        found.append(
            (
                name,
                (await who.get(LIST))[0],
                urgent.status,
                info.status,
                (await who.get(path))[0],
                (await who.get(f"{path}/classes"))[0],
            )
        )
    assert found == RIGHTS
    for name in ("编辑", "保卫", "运维"):
        for fields in ({"do": "clear"}, {"do": "withdraw"}, {"do": "look", "title": "别的"}):
            assert (await station[name].post(path, **fields)).status == 403
        assert (await station[name].post(f"{path}/classes", code="c001")).status == 403
    info_path = await station["编辑"].raised(severity="info")
    assert [(await station[one].approve(info_path)).status for one in ("编辑", "乙")] == [403, 403]
    assert TITLE not in (await station["编辑"].get(path))[1]
    assert (await station["所长"].approve(info_path)).status == 303


@ONE_KIND
async def test_nothing_is_done_by_looking_or_by_another_site_s_form(station: Station) -> None:
    path = await station["甲"].raised()
    before = (
        await station.alert(),
        len(await rows(station.desk, AlertEvent)),
        len(await rows(station.desk, AuditEntry)),
    )
    who = station["乙"]
    for address in (LIST, f"{LIST}/new", path, f"{path}?do=approve", f"{path}/classes"):
        answer = await who.client.get(address)
        page = await answer.text()
        assert answer.status == 200
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script|\son\w+=|style=|://", page)
    statuses = [(await who.post(path, do="approve", form=form)).status for form in ("", station["甲"].form)]
    statuses.append((await who.client.post(path, data={"do": "approve", "form": who.form})).status)
    statuses.append((await who.write(form=station["甲"].form)).status)
    assert statuses == [403] * 4
    now = (await station.alert(), len(await rows(station.desk, AlertEvent)), len(await rows(station.desk, AuditEntry)))
    assert now == before


@ONE_KIND
async def test_words_of_officers_are_never_markup(station: Station) -> None:
    evil = "<script>alert(1)</script>"
    path = await station["甲"].raised(title=evil, text=f'"{evil}')
    await station["乙"].post(path, do="return", words=evil)
    looked = await station["甲"].post(path, do="look", title=evil, text=evil)
    pages = [(await station["甲"].get(one))[1] for one in (LIST, path, f"{path}/classes", f"{path}?stayed={evil}")]
    pages.append(await looked.text())
    pages.append(await (await station["甲"].write(title=evil, rule=evil)).text())

    assert not any("<script" in page for page in pages)
    assert all("&lt;script&gt;" in page for page in pages)
