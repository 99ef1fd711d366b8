import pytest

from tests.factories import NOW, add_groups, make_group
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.handlers.placing import lacking, move_group, place_group, place_unplaced
from warden_bot.states import ChannelKind
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import ADDRESS, SECRET, Group, address_hash, all_groups
from warden_bot.store.sealing import Sealer

LATER = NOW.replace(hour=9)


@pytest.fixture
def broken(sealer: Sealer) -> Group:
    """A group whose route is broken, with a signing secret."""
    group = make_group(sealer, "c001", channel=ChannelKind.DINGTALK)
    group.sealed_secret = sealer.seal("SEC-of-the-robot", SECRET)
    group.route_broken_at, group.route_broken_code, group.checked_at = NOW, "route_broken", NOW
    return group


@pytest.mark.parametrize(
    ("kind", "address", "takes_key"),
    [
        (ChannelKind.RELAY, "link", True),
        (ChannelKind.ONEBOT, "20002000", False),
        (ChannelKind.MATRIX, "!OGEhHVWSdvArJzumhm:school.example", True),
        (ChannelKind.WEBHOOK, "https://school.example/hook", True),
        (ChannelKind.DINGTALK, "cidNewConversationOfTheClass==", False),
    ],
    ids=str,
)
def test_group_that_moves_takes_nothing_of_its_old_route_along(
    channels: Channels, sealer: Sealer, broken: Group, kind: ChannelKind, address: str, takes_key: bool
) -> None:
    move_group(broken, kind, address, channels, sealer, LATER)

    assert (broken.channel, sealer.open(broken.sealed_address, ADDRESS)) == (kind, address)
    assert broken.address_hash == address_hash(sealer, kind, address)
    assert (broken.takes_key, broken.sealed_secret, broken.updated_at) == (takes_key, None, LATER)
    assert (broken.route_broken_at, broken.route_broken_code, broken.checked_at) == (None, "", None)


def test_group_that_is_placed_keeps_the_secret_that_came_with_the_address(
    channels: Channels, sealer: Sealer, broken: Group
) -> None:
    place_group(broken, ChannelKind.DINGTALK, "another-robot", channels, sealer)

    assert sealer.open(broken.sealed_secret or b"", SECRET) == "SEC-of-the-robot"
    assert (broken.route_broken_at, broken.updated_at) == (None, NOW)


def test_hash_tells_channels_and_keys_apart(sealer: Sealer) -> None:
    hashes = [
        address_hash(sealer, ChannelKind.ONEBOT, "20002000"),
        address_hash(sealer, ChannelKind.FEISHU, "20002000"),
        address_hash(sealer, ChannelKind.ONEBOT, "20002001"),
        address_hash(Sealer([bytes(32)]), ChannelKind.ONEBOT, "20002000"),
    ]

    assert len(set(hashes)) == 4
    assert "20002000" not in "".join(hashes)


async def test_groups_from_before_are_found_by_their_chats_after_the_next_start(
    database: Database, channels: Channels, sealer: Sealer
) -> None:
    old = [make_group(sealer, "c001", channel=ChannelKind.MATRIX, address="!a:b"), make_group(sealer, "c002")]
    lost = make_group(Sealer([bytes(32)]), "c003")
    for group in (*old, lost):
        group.address_hash = ""
    await add_groups(database, *old, lost)

    async def place(session: Session) -> int:
        return await place_unplaced(session, channels, sealer)

    placed = [await database.write(place) for _ in range(2)]

    async with database.read() as session:
        found = {group.code: (group.address_hash, group.takes_key) for group in await all_groups(session)}
    assert placed == [2, 0]
    assert found == {
        "c001": (address_hash(sealer, ChannelKind.MATRIX, "!a:b"), True),
        "c002": (address_hash(sealer, ChannelKind.SANDBOX, "c002"), False),
        "c003": ("", False),
    }


def test_groups_that_lack_settings_are_counted_by_what_each_sort_of_address_needs(
    channels: Channels, sealer: Sealer
) -> None:
    hook, robot = "b6e2c1d0-0000-4000-8000-000000000000", "a1b2c3d4" * 8
    groups = [
        make_group(sealer, "c001", channel=ChannelKind.FEISHU, address="oc_5ad11d72b830411d72b836c20"),
        make_group(sealer, "c002", channel=ChannelKind.FEISHU, address=hook),  # a custom bot needs no app
        make_group(sealer, "c003", channel=ChannelKind.DINGTALK, address="cidNewConversationOfTheClass=="),
        make_group(sealer, "c004", channel=ChannelKind.DINGTALK, address=robot),
        make_group(sealer, "c005", channel=ChannelKind.WEBHOOK, address="https://school.example/hook"),
    ]

    assert lacking(groups, channels, sealer) == {
        (ChannelKind.FEISHU, "WARDEN_FEISHU_APP_ID、WARDEN_FEISHU_APP_SECRET"): 1,
        (ChannelKind.DINGTALK, "WARDEN_DINGTALK_APP_KEY、WARDEN_DINGTALK_APP_SECRET"): 1,
    }


def test_webhook_group_with_a_secret_of_its_own_lacks_nothing(sealer: Sealer) -> None:
    bare = make_group(sealer, "c002", channel=ChannelKind.WEBHOOK, address="https://school.example/hook")
    own = make_group(sealer, "c003", channel=ChannelKind.WEBHOOK, address="https://school.example/hook")
    own.sealed_secret = sealer.seal("its own", SECRET)

    found = lacking([bare, own], build_channels({}, Surroundings(Http(), lambda: NOW)), sealer)

    assert found == {(ChannelKind.WEBHOOK, "WARDEN_WEBHOOK_SECRET"): 1}
