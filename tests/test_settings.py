import pytest

from warden_bot.errors import SettingsError
from warden_bot.settings import read_settings
from warden_bot.states import ChannelKind

KEY = "ab" * 32


def test_defaults_need_no_environment() -> None:
    settings = read_settings({}, {}).settings

    assert (settings.database_url, settings.port, settings.host) == ("sqlite:///var/warden.db", 8080, "127.0.0.1")
    assert settings.base_url == "http://127.0.0.1:8080"


def test_environment_wins_over_dotenv() -> None:
    dotenv = {"WARDEN_PORT": "9000", "WARDEN_HOST": "0.0.0.0"}  # noqa: S104 -- only read

    settings = read_settings({"WARDEN_PORT": "9001"}, dotenv).settings

    assert (settings.port, settings.host) == (9001, "0.0.0.0")  # noqa: S104 -- only read


def test_channels_are_handed_their_own_settings() -> None:
    found = read_settings({"WARDEN_WECOM_ROBOT_API_BASE": "http://x", "WARDEN_WEBHOOK_SECRET": "s"}, {}).settings

    assert found.channels[ChannelKind.WECOM_ROBOT] == {"api_base": "http://x"}
    assert found.channels[ChannelKind.WEBHOOK] == {"secret": "s"}


def test_misspelt_settings_are_pointed_out() -> None:
    assert read_settings({"WARDEN_DATABSE_URL": "x", "HOME": "/root"}, {}).unknown == ["WARDEN_DATABSE_URL"]


def test_several_keys_newest_first() -> None:
    keys = read_settings({"WARDEN_SECRET_KEYS": f"{KEY}, {'cd' * 32}"}, {}).settings.secret_keys

    assert [key.get_secret_value() for key in keys] == [KEY, "cd" * 32]


def test_every_wrong_setting_is_named_and_no_secret_shown() -> None:
    environment = {
        "WARDEN_PORT": "99999",
        "WARDEN_DATABASE_URL": "mysql://root:hunter2@db/x",
        "WARDEN_TIMEZONE": "Asia/Nowhere",
        "WARDEN_SECRET_KEYS": f"{KEY},too-short-secret",
        "WARDEN_ACK_WITHIN": "soon",
        "WARDEN_LOG_LEVEL": "LOUD",
    }

    with pytest.raises(SettingsError) as caught:
        read_settings(environment, {})

    words = str(caught.value)
    assert all(name in words for name in environment)
    assert len(caught.value.faults) == len(environment)
    assert not [secret for secret in ("hunter2", "too-short-secret", KEY) if secret in words]


def test_settings_do_not_show_their_keys() -> None:
    assert KEY not in repr(read_settings({"WARDEN_SECRET_KEYS": KEY}, {}).settings)


@pytest.mark.parametrize(
    ("written", "secrets"),
    [
        ("", {}),
        ("one for all", {"": "one for all"}),
        ("0f1e2d3c,4b5a", {"": "0f1e2d3c,4b5a"}),
        ("c2VjcmV0IG9mIGFsbA==", {"": "c2VjcmV0IG9mIGFsbA=="}),  # padding names no source
        ("one-tap=12345678, gate=abcdefg==", {"one-tap": "12345678", "gate": "abcdefg=="}),
    ],
)
def test_alarms_have_one_secret_or_one_a_source(written: str, secrets: dict[str, str]) -> None:
    assert read_settings({"WARDEN_ALARMS_SECRET": written}, {}).settings.alarm_secrets == secrets


@pytest.mark.parametrize("written", ["gate=short", "gate=12345678,another", "gate=12345678,gate=87654321"])
def test_secret_that_may_be_meant_for_a_source_is_never_taken_for_all(written: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"WARDEN_ALARMS_SECRET": written}, {})

    assert (len(caught.value.faults), written in str(caught.value)) == (1, False)


def test_proxies_are_addresses_or_networks_and_this_machine_where_none_is_named() -> None:
    named = read_settings({"WARDEN_TRUSTED_PROXIES": "10.0.0.7, 172.16.0.0/12"}, {}).settings.trusted_proxies
    usual = read_settings({}, {}).settings.trusted_proxies

    assert [str(one) for one in (*named, *usual)] == ["10.0.0.7/32", "172.16.0.0/12", "127.0.0.0/8", "::1/128"]
    with pytest.raises(SettingsError):
        read_settings({"WARDEN_TRUSTED_PROXIES": "the proxy"}, {})
