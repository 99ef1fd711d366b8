import pytest

from warden_bot.domain.unwelcome import is_unwelcome


@pytest.mark.parametrize(
    "text",
    [
        "别发了",
        "烦",
        "烦死了！",
        "太烦了",
        "好烦啊",
        "别刷屏了",
        "別發了",
        "不要再发这些消息了",
        "求求你们别发了",
        "@机器人 别推送了",
        "少发点",
        "天天发烦不烦",
    ],
)
def test_whole_short_message_against_pushes_counts(text: str) -> None:
    assert is_unwelcome(text)


@pytest.mark.parametrize(
    "text",
    [
        "烦死了作业",
        "作业烦死了",
        "刷题烦",
        "别发火了",
        "别发呆",
        "别烦他",
        "麻烦老师了",
        "烦请大家配合",
        "不要发验证码给别人",
        "作业别发群里",
        "别发红包了",
        "请不要转发",
        "别吵了",
        "发了吗",
        "烦死了 明天还要考试",
    ],
)
def test_talk_about_something_else_does_not(text: str) -> None:
    assert not is_unwelcome(text)
