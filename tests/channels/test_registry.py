import pytest

from warden_bot.channels.registry import CHANNELS, capabilities, channels_for_looking
from warden_bot.environment import utc_now
from warden_bot.states import ChannelKind


@pytest.mark.parametrize("kind", list(ChannelKind))
def test_every_kind_has_a_channel_with_its_own_name_and_api_base(kind: ChannelKind) -> None:
    assert CHANNELS[kind].kind is kind
    assert "API_BASE" in {setting.name for setting in CHANNELS[kind].settings}


def test_every_channel_can_be_built_for_looking() -> None:
    assert set(channels_for_looking(utc_now)) == set(ChannelKind) == set(capabilities())
