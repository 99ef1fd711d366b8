"""The bot's own short phrases, from `replies.yml`, with a fixed line for the day that file is unreadable."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from warden_bot.content.reading import Fields
from warden_bot.content.templates import Wording
from warden_bot.states import FindingKind

CODE = frozenset({"code"})
NOTHING: frozenset[str] = frozenset()
OF_ALERT = frozenset({"number", "severity", "title"})

# Each phrase the program needs, with the variables it fills in beside `local` and `today`.
PHRASES: dict[str, frozenset[str]] = {
    "tip_receipt": CODE,
    "tip_in_group": CODE,
    "tip_added": CODE,
    "status_open": CODE,
    "status_acknowledged": CODE,
    "status_closed": CODE,
    "status_unknown": NOTHING,
    "status_in_group": NOTHING,
    "menu": NOTHING,
    "human": CODE,
    "acknowledged": CODE,
    "already_yours": CODE,
    "acknowledge_failed": NOTHING,
    "case_notice": frozenset({"code", "category"}),
    "no_one_on_duty": frozenset({"code", "category"}),
}
# Phrases that a content folder may leave out: then these are said.
STAND_INS: dict[str, tuple[frozenset[str], str]] = {
    "sign_in_nowhere": (NOTHING, "值班台的网址还没有设好，请告诉运维：设 WARDEN_PUBLIC_URL。"),
    "alert_waiting": (OF_ALERT, "警报 {{ number }}（{{ severity }}）等你批准：{{ title }}。到值班台看全文。"),
    "alert_draft": (OF_ALERT, "收到一条预警草稿 {{ number }}（{{ severity }}）：{{ title }}。到值班台看全文。"),
    "alert_returned": (OF_ALERT, "警报 {{ number }} 退回来了：{{ title }}。理由在值班台。"),
    "did_you_mean": (
        frozenset({"titles"}),
        "没听明白。您是想问：{{ titles }}？换个说法再发一次，或者发“人工”。急事打110。",
    ),
    "only_signs": (NOTHING, "表情我看不懂。有危险请打110。\n有什么事，打字发一句就行；想先找人聊聊，打12355。"),
    "only_words": (NOTHING, "图片和语音我看不懂，请打字告诉我。急事打110。"),
    "bound": (frozenset({"group"}), "好了，这里就是{{ group }}。以后的安全提醒会发到这里。"),
    "bound_teacher": (frozenset({"group"}), "好了，要发到{{ group }}的提醒，以后会先发给您，请您转发。"),
    "bind_failed": (NOTHING, "绑定码不对，或者已经过期、用过。请向派出所再要一个。"),
    "bind_elsewhere": (frozenset({"group"}), "这里已经绑定为{{ group }}，不用再绑。要换请找派出所。"),
    "relay_handover": (
        frozenset({"group", "link"}),
        "请转发到{{ group }}：打开 {{ link }} ，复制后发到群里，再点“已经发了”。",
    ),
    "relay_reminder": (
        frozenset({"group", "link"}),
        "{{ group }}还没有转发，请打开 {{ link }} 。已经发过就点一下“已经发了”。",
    ),
    "rescue_card": (
        frozenset({"category", "at", "numbers"}),
        "什么事：{{ category }}\n什么时候：{{ at }}\n要打的电话：{{ numbers }}\n机器人没有替你联系任何一方，请自己打。",
    ),
    "case_reminder": (
        frozenset({"code", "category"}),
        "{{ category }}，线索 {{ code }} 在你手上，一直没有动。请现在处理，做完写上结果。",
    ),
    "recheck_due": (
        frozenset({"code", "category", "day"}),
        "{{ category }}，线索 {{ code }} 的期限 {{ day }} 到了，该复查了。改好了发“结 {{ code }} 结果”，没改好发“限 {{ code }} 日期”。",
    ),
    "due_wanted": (CODE, "要整改的，请定期限，发：限 {{ code }} 12月1日。到期我提醒复查。"),
    "ping": (NOTHING, "这是一次连接测试，不用回复。"),
    "human_in_group": (
        NOTHING,
        "已经记下，在等值班民警看。急事打110。\n一小时内没人叫我，我不在群里插话。细节请私聊我说，群里大家都看得见。",
    ),
    "muted": (NOTHING, "好，我在这个群先不说话，急事打110。两周后自己恢复，发“开口”马上恢复。"),
    "unmuted": (NOTHING, "好，我在这个群继续回答。"),
    "answer_held": (NOTHING, "这条正在核对，先别照着做。急事打110，别的问派出所。"),
    "answer_put_on_hold": (NOTHING, "记下了，这条在本群先不说，编辑会核对。"),
    "warning_disputed": (NOTHING, "记下了，在等值班民警看这条提醒。看完以前先别扫、别转，已转钱打110。"),
    "warning_was_none": (NOTHING, "民警看过了，那条提醒是误报。同样的话不再提醒。"),
    "nothing_to_hold": (NOTHING, "24小时内我没在这个群回答过问题，没有可以停的。"),
    "fee_notice": (
        NOTHING,
        "我不在群里收钱，不发收款码，也不让家长转账给个人。\n有人用我的名字收钱就是骗子，先别付，打电话问我。已经付了，马上打110。",
    ),
    "teacher_impersonated": (
        CODE,
        "先在群里喊停，再打电话告诉家长。移出假号，撤掉收款码，打开入群验证，截图留着。\n有人付了钱，马上打110。已转给值班民警，编号 {{ code }}。",
    ),
    "talk_asked": (
        CODE,
        "请民警讲课的事记下了，编号 {{ code }}，等值班民警看。\n私聊发“请民警讲课”，后面写学校、人数、时间和电话。",
    ),
    "case_transferred": (
        frozenset({"code", "category", "desk"}),
        "转来{{ desk }}岗位：{{ category }}，线索 {{ code }}。\n回“接 {{ code }}”表示由你负责。",
    ),
    "desk_silent": (
        frozenset({"code", "desk"}),
        "编号 {{ code }}：{{ desk }}岗位没有人回应。请现在打电话找这个岗位的人或所长。",
    ),
    "transferred": (frozenset({"code", "desk"}), "编号 {{ code }} 转给{{ desk }}岗位了，正在通知。"),
    "desk_unknown": (frozenset({"titles"}), "没有这个岗位。可以转：{{ titles }}。如：转 消防 7K4Q-M2XD"),
    "case_link": (frozenset({"link"}), "打开 {{ link }} 就能办，只给你一个人，别转发。"),
    "sign_in_link": (NOTHING, "点开登录，10分钟内用，只能用一次。只给你一个人，别转给别人："),
    "officer_orders": (
        CODE,
        "民警要办，发：接 {{ code }}，转 消防 {{ code }}，限 {{ code }} 12月1日；回、记、结 {{ code }}，后面写一句。",
    ),
    "closed_by_you": (CODE, "编号 {{ code }} 已结束。要再办，发：重开 {{ code }}"),
    "reopened": (CODE, "编号 {{ code }} 重开了，正在通知。"),
    "answered_reporter": (CODE, "编号 {{ code }}：记下了，对方拿编号能看到。"),
    "answered_reporters": (
        frozenset({"code", "count"}),
        "编号 {{ code }}：记下了，{{ count }} 个人举报了这件事，都能看到这句。别写谁举报的。",
    ),
    "noted": (CODE, "编号 {{ code }}：记下了，举报人看不到。"),
    "due_set": (frozenset({"code", "day"}), "编号 {{ code }}：期限 {{ day }}。"),
    "due_unclear": (NOTHING, "日期没看懂，要写今天或以后的哪一天，如：限 7K4Q-M2XD 12月1日，或 下周一、三天后"),
    "words_missing": (NOTHING, "编号后面还要写一句，如：结 7K4Q-M2XD 已转市场监管"),
    "orders_in_private": (NOTHING, "这里不方便，请私聊我发，或在值班群里叫我。"),
    "officer_words": (frozenset({"words"}), "民警：{{ words }}"),
    "officer_answered": (CODE, "民警有话回您，编号 {{ code }}。私聊我发“进度 {{ code }}”看。有危险请打110。"),
    "case_taken": (CODE, "编号 {{ code }}：已有民警在看。有危险请打110。"),
    "case_passed_to": (frozenset({"code", "desk"}), "编号 {{ code }}：转给{{ desk }}岗位了。有危险请打110。"),
    "case_handed_on": (CODE, "编号 {{ code }}：已转给合适的人看。有危险请打110。"),
    "case_over": (CODE, "编号 {{ code }}：民警看完了，已结束。有新情况再发给我，有危险请打110。"),
    "harm_reported": (
        CODE,
        "记下了，编号 {{ code }}，等值班民警看。正在发生或孩子有危险，马上打110。\n先别反复追问孩子，别和对方对质，东西原样留着。学校知道了也一样要报。",
    ),
    "harm_reported_in_group": (
        CODE,
        "记下了，编号 {{ code }}。请撤回刚才那条，细节私聊我说，群里大家都看得见。急事打110。",
    ),
    "volunteer_noted": (
        CODE,
        "报名记下了，编号 {{ code }}，等派出所联系。还没写的，再发一条：称呼、电话、哪天有空。急事打110。",
    ),
    "mediation_noted": (
        CODE,
        "预约记下了，编号 {{ code }}，等派出所联系。还没写的，再发一条：什么事、哪天有空、电话。要打起来了打110。",
    ),
    "duty_in_group": (CODE, "记下了，编号 {{ code }}。电话和细节请私聊我说，群里大家都看得见。急事打110。"),
    "guide_what": (NOTHING, "紧急、有危险请立刻打110/119/120，这里不是报警。\n什么事？发一句就行。不想说了发“取消”。"),
    "guide_opened": (CODE, "记下了，编号 {{ code }}，在等值班民警看。有危险请打110。"),
    "guide_added": (CODE, "收到了，记在编号 {{ code }} 里。有危险请打110。"),
    "guide_where_when": (NOTHING, "在哪、什么时候？一条发完就行。"),
    "guide_where": (NOTHING, "在哪里？"),
    "guide_when": (NOTHING, "什么时候？是常有的事也请说一声。"),
    "guide_contact": (NOTHING, "照片可以直接发来；想留联系方式就写，不想留就说“不留”。"),
    "guide_done": (NOTHING, "说完了。还想起什么，半小时内直接接着发。"),
    "guide_hesitates": (
        NOTHING,
        "不用怕，名字可以不留，群里不会说，只给值班民警和办这件事的人看。\n想说就发一句，不想说发“取消”。有危险打110；想先找人聊聊，打12355。",
    ),
    "guide_declined": (CODE, "好，不留也行。编号 {{ code }} 已经记下。有危险请打110。"),
    "guide_goes_on": (CODE, "举报还在记，编号 {{ code }}，接着说就行。"),
    "guide_goes_on_at_what": (NOTHING, "举报还没记下，接着说是什么事就行。不想说了发“取消”。"),
    "guide_cancelled": (NOTHING, "好，什么都没有记。有危险请打110。"),
    "guide_stopped": (CODE, "好，不问了。编号 {{ code }} 已经记下；要删掉，发“删除 {{ code }}”。有危险请打110。"),
    "picture_alone": (NOTHING, "这张图是什么事？先打字说一句，再发图，我转给民警。急事打110。"),
    "pictures_added": (CODE, "图片收到了，记在编号 {{ code }} 里。有危险请打110。"),
    "pictures_lost": (
        CODE,
        "有图片没收下，请换成JPG或PNG照片再发一次，或打字说。已记在编号 {{ code }} 里。有危险请打110。",
    ),
    "tip_erased": (CODE, "编号 {{ code }} 里您说的话删掉了，没有人看过。有危险请打110。"),
    "erasure_asked": (CODE, "编号 {{ code }} 可以要求删除，已经记下，由民警核对后处理。有危险请打110。"),
    "alert_unheard_private": (
        frozenset({"group", "title"}),
        "{{ group }}还没有回“收到”：{{ title }}。请看群里的提醒，看到了就直接回我“收到”，或在群里@我回。",
    ),
    "alert_unheard_group": (frozenset({"title"}), "{{ title }}：请班主任回“收到”，群里有机器人的请@它。家长不用回。"),
    "alert_silent_classes": (
        frozenset({"title", "count", "classes"}),
        "{{ title }}：还有{{ count }}个班没有回“收到”：{{ classes }}。请打电话问班主任。",
    ),
    "lesson_card": (frozenset({"text"}), "{{ text }}"),
    "class_card_elsewhere": (NOTHING, "班级卡只给班主任：私聊我发“班级卡”，或者看班级自己的网页。群里不发。"),
    "class_card_silent": (NOTHING, "您班的班级卡还没有内容。每月初做上个月的。"),
    "class_card_missing": (
        NOTHING,
        "还没有您班的班级卡，每月初做上个月的。一直没有，可能是我没认出您的班，请派出所登记您的私聊地址。",
    ),
    "class_material_list": (frozenset({"themes"}), "班会材料有：{{ themes }}。\n发“班会材料”加上题目，我就发那一份。"),
}
MATERIALS = "class_material"  # cards for class meetings by their theme, as many as the editors write
# What an operator or editor is told; where a phrase is not written, the plain line below stands in for it.
FINDINGS: dict[str, frozenset[str]] = {
    f"finding_{kind.value}": frozenset({"subjects", "count"}) for kind in FindingKind
}
PLAIN_FINDING = "机器人发现要看的事（{kind}，{count} 处）：{subjects}"
# Without the code in it, a receipt or a notice is of no use to whoever gets it.
MUST_SHOW_CODE = frozenset({"tip_receipt", "tip_in_group", "tip_added", "case_notice", "no_one_on_duty"}) | {
    "case_transferred",
    "desk_silent",
    "officer_answered",
    "guide_opened",
    "guide_added",
    "guide_declined",
    "guide_goes_on",
    "guide_stopped",
    "pictures_added",
    "pictures_lost",
}
MUST_SHOW_LINK = frozenset({"relay_handover", "relay_reminder", "case_link"})
DEFAULT = "default"
FIXED_EMERGENCY_LINE = "现在就打110（有人受伤打120，着火打119，交通事故打122）。发在这里不等于报警。"


@dataclass(frozen=True)
class Replies:
    """The phrases by name, the emergency lines by kind of danger, and the cards for class meetings by theme."""

    phrases: Mapping[str, Wording] = field(default_factory=dict)
    emergencies: Mapping[str, Wording] = field(default_factory=dict)
    materials: Mapping[str, Wording] = field(default_factory=dict)

    def say(self, name: str, values: Mapping[str, object]) -> str:
        """Return one phrase with its variables filled in."""
        wording = self.phrases.get(name)
        return (wording or Wording(STAND_INS[name][1], "", 0)).render(values)

    def finding(self, kind: str, values: Mapping[str, object]) -> str:
        """Return what a person is told about findings of a kind."""
        wording = self.phrases.get(f"finding_{kind}")
        return wording.render(values) if wording else PLAIN_FINDING.format(kind=kind, **values)

    def emergency(self, danger: str) -> str:
        """Return the line for a kind of danger. Needs no database and never fails."""
        wording = self.emergencies.get(danger) or self.emergencies.get(DEFAULT)
        return wording.source if wording else FIXED_EMERGENCY_LINE

    def every(self) -> Iterator[tuple[Wording, frozenset[str]]]:
        """Yield all phrases with the variables each may use."""
        for name, wording in self.phrases.items():
            yield wording, STAND_INS[name][0] if name in STAND_INS else (PHRASES | FINDINGS)[name]
        for wording in (*self.emergencies.values(), *self.materials.values()):
            yield wording, NOTHING


def parse_replies(fields: Fields) -> Replies:
    """Read the phrases. What is missing, misspelt or without a number is noted in the fields' faults."""
    fields.refuse_unknown({*PHRASES, *FINDINGS, *STAND_INS, MATERIALS, "emergency"})
    names = [*PHRASES, *(name for name in (*FINDINGS, *STAND_INS) if name in fields.values)]
    phrases = {name: Wording(fields.text(name), fields.file, fields.lines.get(name, 1) + 1) for name in names}
    for name in MUST_SHOW_LINK & fields.values.keys():
        if "{{ link }}" not in str(fields.values[name]):
            fields.fault(name, f"{name} 里要有 {{{{ link }}}}，不然老师打不开")
    for name in MUST_SHOW_CODE & fields.values.keys():
        if "{{ code }}" not in str(fields.values[name]):
            fields.fault(name, f"{name} 里要有 {{{{ code }}}}，不然没人知道编号")
    written = fields.values.get("emergency")
    lines = dict(written) if isinstance(written, dict) else {}
    if not lines.get(DEFAULT):
        fields.fault("emergency", f"emergency 里缺少 {DEFAULT}")
    emergencies = {}
    for danger, text in lines.items():
        line = fields.lines["emergency"] + 1
        first = str(text).strip().splitlines()[0] if str(text).strip() else ""
        if not any(number in first for number in ("110", "119", "120", "122")):
            fields.fault("emergency", f"emergency 的 {danger} 第一行要写号码")
        if "{" in str(text):
            fields.fault("emergency", f"emergency 的 {danger} 不能用变量，它在内容坏了时也要发得出去")
        emergencies[str(danger)] = Wording(str(text).strip(), fields.file, line)
    said = {name: wording for name, wording in phrases.items() if wording.source}
    return Replies(said, emergencies, _materials(fields))


def _materials(fields: Fields) -> dict[str, Wording]:
    """Read the cards for class meetings, one for each theme."""
    written = fields.values.get(MATERIALS) or {}
    if not isinstance(written, dict):
        fields.fault(MATERIALS, f"{MATERIALS} 要写成“题目: 内容”，一个题目一段")
        return {}
    line = fields.lines.get(MATERIALS, 1) + 1
    return {str(theme): Wording(str(text or "").strip(), fields.file, line) for theme, text in written.items()}
