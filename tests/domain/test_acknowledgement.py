import pytest

from warden_bot.domain.acknowledgement import says_received

COUNTS = """收到 收到了 已收到 收到，已转发 【收到】 收到✅ 收到👌 收到！ 好的收到 收到收到 收到，谢谢 高三(3)班收到 高三（12）班已收到，已通知家长
    三年级二班收到 收倒 收到到 shoudao 收到，马上转发 收到[OK] 已收到，已转发到班级群。 張老師收到 收到[玫瑰][玫瑰] 收到，辛苦了 收到，已转发给家长 三（2）班王老师收到 高三3班班主任李老师：收到
    收到，我马上通知家长 收到，已在群里通知 收到，已通知到位 收到，我会转发的 收到，注意安全 收到，请放心 通知收到 收到预警 警报已收到 收到咯 明白，收到
    收到了解 行，收到 本人收到 收到，高三3班 收到（高三（3）班李老师） 收到收到收到收到 收到哦 收到噢 收到呀"""
DOES_NOT = """没收到 收到吗？ 收到请回复 收到的请回1 请回复收到 1 收到？ 谁没收到 大家收到没 收到没有 未收到 收到红包了 收到一条诈骗短信 还没收到 我收到转账
    收到快递 👌 好的 谢谢 孩子收到恐吓 收款码 收到陌生人转发 收到退款短信 收不到 收到骗子电话 收到后转发 高三3班家长收到 小明妈妈收到 家长已收到 作业收到 收到的转发 我会收到 收到发我 大家收到
    收到，还没通知家长 收到但是没人看 班主任看到请回“收到”，群里有机器人的请@它。"""


@pytest.mark.parametrize("text", [*COUNTS.split(), "@机器人 收到", "收到 @王警官"])
def test_text_says_received(text: str) -> None:
    assert says_received(text)


OVER_AND_OVER = [
    "收到" + word * (57 // len(word)) + "吧" for word in ("转发", "通知家长", "我们班", "谢谢", "已", "大家", "收到")
]


@pytest.mark.parametrize("text", ["", "收到" * 40, *DOES_NOT.split(), *OVER_AND_OVER])
def test_text_does_not_say_received(text: str) -> None:
    assert not says_received(text)
