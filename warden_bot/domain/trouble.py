"""What our codes of failure mean to an operator: what happened, and the one thing to do about it. In Chinese, plainly."""

from dataclasses import dataclass

# Why something routine is not sent to one group.
MUTED, WEEK_FULL, SAID_TODAY, KNOWN_WORDS = "muted", "week_full", "said_today", "known_words"
IN_LESSON, UNWELCOME = "in_lesson", "unwelcome"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure in words."""

    what: str
    remedy: str

    def __str__(self) -> str:
        """Say both in one line."""
        return f"{self.what}。{self.remedy}"


TROUBLES: dict[str, Trouble] = {
    "throttled": Trouble("平台嫌发得太快", "不用管，会自己再发"),
    "unreachable": Trouble("连不上平台", "看服务器能不能上网、API_BASE 写得对不对"),
    "busy": Trouble("平台忙", "不用管，会自己再试；一直这样就看平台公告"),
    "bad_credentials": Trouble("平台不认我们的凭证", "核对这个渠道的密钥、应用权限和服务器 IP 白名单"),
    "token_refused": Trouble("平台不认我们的令牌", "核对这个渠道的密钥"),
    "route_broken": Trouble(
        "这个群的路断了：地址不对、机器人被移出或停用", "重新把机器人加进群，用 groups bind 或 groups import 换地址"
    ),
    "not_bound": Trouble("这个群还没有绑定", "用 groups bind 做绑定码，请班主任在群里发“绑定 码”"),
    "bad_request": Trouble("平台说请求不对", "把平台原话发给开发者"),
    "text_too_long": Trouble("内容超过平台上限", "写短一些再发"),
    "content_refused": Trouble("平台的内容审核没有通过", "请编辑改写后再发"),
    "unexpected_answer": Trouble("平台的回答看不懂", "看中间有没有代理；一直这样就把平台原话发给开发者"),
    "no_answer": Trouble("请求发出去了，没有回音", "到群里看一眼收到没有，没收到用 deliveries retry 再发"),
    "worker_lost": Trouble("发送中途程序停了，不知道送到没有", "到群里看一眼收到没有，没收到用 deliveries retry 再发"),
    "outside_window": Trouble("对方太久没有说话，平台不让主动发", "等对方再发一句，或者换别的渠道"),
    "cannot_push": Trouble("这个渠道只能回答，不能主动发", "给这个群另配一个能发的渠道，或者用 relay 请老师转发"),
    "cannot_probe": Trouble("这个渠道没有不打扰人的检查办法", "要试就用 groups ping 群代号 发一条测试"),
    "cannot_recall": Trouble("这个平台收不回已经发出的消息", "在群里发一条更正"),
    "too_late_to_recall": Trouble("过了平台允许撤回的时间", "在群里发一条更正"),
    "platform_down": Trouble("平台没有回应，在等它恢复", "不用管，恢复了会自己发"),
    "seal_broken": Trouble("地址打不开：当时用的密钥不在 WARDEN_SECRET_KEYS 里", "把旧密钥加回去，或者重新导入这个群"),
    "window_over": Trouble("过了发送时限，没有发出", "还要发就重新发起"),
    MUTED: Trouble("班主任让机器人在这个群静音了", "不用管；在群里发“开口”就会继续收到"),
    "training": Trouble("演练只发给民警群，这个群不是", "不用管；要发给家长就重新发起，不加 --training"),
    WEEK_FULL: Trouble("这个群这周已经收到两条（考前考后一条），这条没有发", "不用管；要紧的走预警"),
    SAID_TODAY: Trouble("这个群今天已经收到这个推送，这条没有发", "不用管；同一个推送一天只发一次"),
    KNOWN_WORDS: Trouble("这个群 90 天里收到过同样的话，这条没有发", "请编辑多写一种说法"),
    IN_LESSON: Trouble("这个群的学生在上课，这条没有发", "把推送的时间挪到下课以后"),
    UNWELCOME: Trouble("这个群嫌推送烦，这一条跳过了", "请编辑看看上一条是不是太长、太勤"),
    "not_posted": Trouble("老师一直没有转发", "打电话问老师，或者给这个班换一条路"),
    "channel_fault": Trouble("程序自己出错了", "把日志发给开发者"),
    "nothing_to_send": Trouble("没有要发的内容", "重新发起"),
    "no_pictures": Trouble("这个渠道发不了图片", "不用管，图里的字都在文字里"),
    "no_media": Trouble("这个渠道取不到图片和文件", "请对方用文字说"),
    "too_large": Trouble("图片或文件太大，没有去取", "请对方用文字说"),
    "foreign_address": Trouble("平台给的网址不在允许的范围里", "确认是平台的网址后，加进这个渠道的 HOSTS 设置"),
}
UNKNOWN = Trouble("发不出去", "把平台原话发给开发者")


def in_words(code: str) -> Trouble:
    """Return what a code means."""
    return TROUBLES.get(code, UNKNOWN)


def of_asking(code: str) -> Trouble:
    """Return what a code means where nothing was sent that may have arrived: no answer is as good as no platform."""
    return in_words("unreachable" if code == "no_answer" else code)
