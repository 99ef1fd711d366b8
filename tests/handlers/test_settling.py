"""What tries show beyond their own delivery: about a group's route, a platform, our credentials."""

from aiohttp import web
from sqlmodel import col, select

from tests.conftest import Clock, Mailroom
from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.fake_wecom import FakeWecom, refused
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.outage import Standing
from warden_bot.errors import SendError
from warden_bot.handlers.delivery import sweep_outbox, take_turn
from warden_bot.handlers.settling import Ended, Errand
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus, FindingKind, Priority
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import open_findings
from warden_bot.store.groups import all_groups, groups_in_audience
from warden_bot.store.outages import outages_now
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

WECOM = ChannelKind.WECOM_ROBOT


async def owe(database: Database, sealer: Sealer, count: int, *, prefix: str = "key-") -> None:
    """Owe one message to each of some WeCom groups."""
    places = [make_group(sealer, f"c{one:03}", channel=WECOM, address=f"{prefix}{one}") for one in range(1, count + 1)]
    await add_groups(database, *places)
    await owe_again(database)


async def owe_again(database: Database) -> None:
    async def work(session: Session) -> None:
        for group in await groups_in_audience(session, parse_audience("classes")):
            session.add(make_delivery(group_id=group.id, channel=WECOM))

    await database.write(work)


async def states(database: Database) -> list[DeliveryStatus]:
    async with database.read() as session:
        return [one.status for one in (await session.exec(select(Delivery).order_by(col(Delivery.id)))).all()]


async def findings(database: Database) -> list[tuple[FindingKind, str]]:
    async with database.read() as session:
        return [(one.kind, one.subject) for one in await open_findings(session)]


async def claimed(mailroom: Mailroom) -> list[Errand]:
    return (await take_turn(mailroom.post, busy={})).errands


def unreachable(errand: Errand) -> Ended:
    return Ended(errand, NOW, NOW, 0, SendError("unreachable", AttemptOutcome.RETRYABLE))


async def test_broken_route_marks_the_group_and_the_next_acceptance_clears_it(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await owe(database, sealer, 1)
    wecom.answers["key-1"].append(refused(93000, "invalid webhook url"))
    await mailroom.send_due()
    async with database.read() as session:
        (broken,) = await all_groups(session)
    told = await findings(database)

    await owe_again(database)
    await mailroom.send_due()

    assert (broken.route_broken_at, broken.route_broken_code) == (NOW, "route_broken")
    assert told == [(FindingKind.ROUTE_BROKEN, "c001")]
    async with database.read() as session:
        (mended,) = await all_groups(session)
    assert mended.route_broken_at is None
    assert await findings(database) == []


async def test_platform_s_words_are_kept_without_the_key_that_it_echoes(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await owe(database, sealer, 1, prefix="very-secret-key-")
    wecom.answers["very-secret-key-1"].append(refused(93000, "no robot very-secret-key-1 here"))

    await mailroom.send_due()

    async with database.read() as session:
        (row,) = (await session.exec(select(Delivery))).all()
    assert row.platform_words == "no robot … here"


async def test_server_that_is_not_there_holds_everything_back_and_fails_nothing(
    database: Database, sealer: Sealer, mailroom: Mailroom, clock: Clock, wecom: FakeWecom
) -> None:
    """Some groups have just been reached: an outage in mid-broadcast."""
    await owe(database, sealer, 3)
    await mailroom.send_due()
    await wecom.stop()
    await add_groups(
        database, *(make_group(sealer, f"d{one}", channel=WECOM, address=f"key-{one}") for one in range(9))
    )
    await owe_again(database)

    for _ in range(8):
        await mailroom.send_due()
        clock.forward(seconds=5)
    down = await findings(database)

    assert set(await states(database)) == {DeliveryStatus.SENT, DeliveryStatus.QUEUED}
    assert down == [(FindingKind.PLATFORM_DOWN, "wecom_robot")]


async def test_our_own_mistake_is_no_sign_of_life(database: Database, sealer: Sealer, mailroom: Mailroom) -> None:
    await owe(database, sealer, 6)
    errands = await claimed(mailroom)
    mailroom.post.standings["wecom_robot"] = Standing(failures=5, unreachable=5)
    await take_turn(mailroom.post, [unreachable(errand) for errand in errands[:5]])
    mistake = SendError("nothing_to_send", AttemptOutcome.REJECTED, asked=False)

    await take_turn(mailroom.post, [Ended(errands[5], NOW, NOW, 0, mistake)])

    async with database.read() as session:
        assert list(await outages_now(session)) == ["wecom_robot"]


async def test_credentials_that_a_platform_refuses_are_a_person_s_business(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await owe(database, sealer, 1)
    wecom.answers["key-1"].append(web.Response(status=403))

    await mailroom.send_due()

    assert await states(database) == [DeliveryStatus.FAILED]
    assert await findings(database) == [(FindingKind.CREDENTIALS_REFUSED, "wecom_robot")]


async def test_accepted_message_closes_the_finding_about_credentials(
    database: Database, sealer: Sealer, mailroom: Mailroom
) -> None:
    await owe(database, sealer, 1)
    (errand,) = await claimed(mailroom)
    mailroom.post.refused.add("wecom_robot")
    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, SendError("bad_credentials", AttemptOutcome.DENIED))])
    before = await findings(database)

    await owe_again(database)
    await mailroom.send_due()

    assert before == [(FindingKind.CREDENTIALS_REFUSED, "wecom_robot")]
    assert (await findings(database), mailroom.post.refused) == ([], set())


async def test_claims_of_a_commit_whose_answer_was_lost_are_given_back(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    await owe(database, sealer, 4)
    kept = (await claimed(mailroom))[0]  # of the three others this worker never learned

    await take_turn(mailroom.post, known=[kept.claimed.id])
    await sweep_outbox(database, clock.forward(seconds=11))

    sent = await states(database)
    assert (sent.count(DeliveryStatus.QUEUED), sent.count(DeliveryStatus.UNCONFIRMED)) == (3, 1)
    await mailroom.send_due()
    assert len(wecom.heard) == 3


async def test_content_that_a_platform_refuses_waits_for_a_person(
    database: Database, sealer: Sealer, mailroom: Mailroom, clock: Clock
) -> None:
    await owe(database, sealer, 1)
    (errand,) = await claimed(mailroom)

    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, SendError("content_refused", AttemptOutcome.HELD))])
    clock.forward(hours=1)

    assert await mailroom.send_due() == []
    assert await states(database) == [DeliveryStatus.FAILED]
    assert [kind for kind, _ in await findings(database)] == [FindingKind.CONTENT_REFUSED]


async def test_busy_tries_are_not_counted_against_an_alert_s_one_more_after_no_answer(
    database: Database, sealer: Sealer, mailroom: Mailroom
) -> None:
    """Busy first, then no answer: an urgent alert still gets its one more try."""
    await add_groups(database, make_group(sealer, "c001", channel=WECOM, address="key-1"))

    async def work(session: Session) -> None:
        (group,) = await groups_in_audience(session, parse_audience("classes"))
        session.add(
            make_delivery(
                group_id=group.id, channel=WECOM, priority=Priority.ALERT, repeatable=True, attempts=3, unknowns=0
            )
        )

    await database.write(work)
    (errand,) = await claimed(mailroom)

    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, SendError("no_answer", AttemptOutcome.UNKNOWN))])

    async with database.read() as session:
        (row,) = (await session.exec(select(Delivery))).all()
    assert (row.status, row.unknowns, row.attempts) == (DeliveryStatus.QUEUED, 1, 4)
    assert row.not_before > NOW
