"""What the pages of the public form say, in Chinese and in English, from `form.yml`; its defaults stand here."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from warden_bot.content.page_words import PageWords, Usual, read_page_words
from warden_bot.errors import Fault

FILE = "form.yml"
CHINESE: Mapping[str, str] = MappingProxyType(
    {
        "first": "紧急、有危险请立刻打110/119/120。这里不是报警。",
        "title": "告诉派出所",
        "notice": "只给值班民警和办这件事的人看，群里看不到。不用留名字。",
        "kept": "结束后{{ tips }}天删除，联系方式{{ reporters }}天后删除。说错了不要紧，别故意编。",
        "what": "什么事（要写）",
        "where": "在哪里",
        "when": "什么时候",
        "contact": "怎么联系您（可以不写）",
        "photos": "照片（最多3张，每张10MB以内，拍摄地点等信息会去掉）",
        "leave_empty": "这一格请空着",
        "send": "提交",
        "ask": "有编号？查进度",
        "taken": "收到了，在等值班民警看。",
        "your_code": "您的编号",
        "remember": "记下编号。",
        "how": "以后点“查进度”，输入编号，能看到民警的话，也能补充。",
        "pictures_unread": "有照片没收下：打不开，或者太大、太多。JPG、PNG都能用，每张10MB以内。文字已经收到。",
        "status_title": "查进度",
        "code": "编号，如 7K4Q-M2XD",
        "look": "查",
        "officer_said": "民警说：",
        "more": "还想起什么，写在这里",
        "add": "补充",
        "added": "补充收到了。",
        "back": "返回",
        "unknown": "没找到这个编号。请看一看有没有写错。",
        "too_many": "刚才提交得太多了，请过十分钟再来。急事请打110，别的打派出所电话。",
        "too_many_codes": "试得太多了，请过十分钟再查。",
        "too_large": "太大了没收下：照片最多3张，每张10MB以内，文字也请短一点。",
        "unreadable": "没收完整，请返回再提交一次。",
        "again": "这一页放得太久，还没有提交。请看一看，再点一次“提交”，照片要重新选。",
        "nothing": "请写一写是什么事。",
        "not_stored": "没存上，请再点一次“提交”。急事请打110。",
    }
)
ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "first": "In an emergency or danger call 110 / 119 / 120 now. This page is not an emergency call.",
        "title": "Tell the police station",
        "notice": "Only the officer on duty and those who deal with it read this; no group sees it. You need not give a name.",
        "kept": "Erased {{ tips }} days after it is settled, your contact after {{ reporters }}. A mistake is no harm; please do not make things up.",
        "what": "What is it? (needed)",
        "where": "Where",
        "when": "When",
        "contact": "How to reach you (optional)",
        "photos": "Photos (up to 3, 10 MB each; the place and time in them are removed)",
        "leave_empty": "Leave this one empty",
        "send": "Send",
        "ask": "Have a code? See how it stands",
        "taken": "Received. It waits for the officer on duty to read it.",
        "your_code": "Your code",
        "remember": "Write the code down.",
        "how": "With it you can see how it stands, read what the officer says and add to it.",
        "pictures_unread": "A photo was not kept: it could not be read, or there were too many or too large ones. JPG and PNG work, up to 10 MB each. Your words were received.",
        "status_title": "How it stands",
        "code": "Code, such as 7K4Q-M2XD",
        "look": "Look",
        "officer_said": "The officer says:",
        "more": "Anything to add",
        "add": "Add",
        "added": "Added.",
        "back": "Back",
        "unknown": "No such code. Please check how it is written.",
        "too_many": "Too many were sent just now. Please come back in ten minutes; if it is urgent call 110.",
        "too_many_codes": "Too many tries. Please come back in ten minutes.",
        "too_large": "Too large: up to 3 photos of 10 MB each, and please shorten the text.",
        "unreadable": "It did not arrive whole. Please go back and send it again.",
        "again": "This page was open for too long and nothing was sent. Please look and press Send again; choose photos anew.",
        "nothing": "Please write what it is.",
        "not_stored": "It could not be stored. Please press Send again. If it is urgent call 110.",
        "danger": "Call 110 now (120 if somebody is hurt, 119 for fire). Writing here does not call anybody.",
        "status_open": "Received; it waits for the officer on duty. In danger call 110.",
        "status_acknowledged": "An officer is looking into it. In danger call 110.",
        "status_closed": "Settled. If there is anything new, tell us.",
    }
)
KEPT = {"kept": frozenset({"tips", "reporters"})}
MUST_CALL = frozenset({"first", "danger"})
FORM: Mapping[str, Usual] = MappingProxyType(
    {"zh": Usual(CHINESE, KEPT, MUST_CALL), "en": Usual(ENGLISH, KEPT, MUST_CALL)}
)


def read_form(folder: Path) -> tuple[PageWords, list[Fault]]:
    """Read `form.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    return read_page_words(folder, FILE, FORM)
