from datetime import timedelta

import pytest

from tests.channel_cases import idle
from warden_bot.channels.wecom_app.channel import WecomApp
from warden_bot.errors import SettingsError


def test_pace_stays_below_what_is_dropped_without_a_word() -> None:
    (rule,) = WecomApp.capabilities.pace

    assert rule.burst + timedelta(minutes=1) / rule.interval <= 30
    assert rule.burst + timedelta(hours=1) / rule.interval <= 1000


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("zhangsan", True),
        ("li.si@2_x-3", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("@all", False),
        ("@All", False),
        ("zhangsan|lisi", False),
        ("张三", False),
        ("zhang san", False),
        ("zhangsan\n", False),
        ("", False),
    ],
)
def test_address_is_one_member(address: str, fine: bool) -> None:
    assert (idle(WecomApp).address_fault(address) is None) is fine


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aes_key", "a" * 42),
        ("aes_key", "a" * 44),
        ("aes_key", "密" * 43),
        ("agent_id", "my-app"),
        ("agent_id", "１０００００２"),
        ("callback_seconds", "0"),
        ("callback_seconds", "5 minutes"),
    ],
)
def test_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        idle(WecomApp, **{name: value})

    (fault,) = caught.value.faults
    assert fault.startswith(f"WARDEN_WECOM_APP_{name.upper()} ")
    assert value not in fault
