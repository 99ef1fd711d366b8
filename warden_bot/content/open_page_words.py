"""What the pages of the council hall and of the lessons say, from `pages.yml`; their usual words stand here."""

from collections.abc import Mapping
from types import MappingProxyType

from warden_bot.content.page_words import Usual

FILE = "pages.yml"
COUNCIL, LESSON = "council", "lesson"
COUNCIL_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "first": "紧急、有危险请立刻打110/119/120。这里不是报警。",
        "title": "警校网上议事厅",
        "english": "The police station asks families a question here. Write without a name; you get a code to change or "
        "take back what you wrote. In danger call 110.",
        "none": "现在没有征求意见的议题。",
        "open": "正在听意见，{{ until }}截止",
        "closed": "已截止，派出所还没答复",
        "answered": "派出所已答复",
        "demo": "这是演示，不是真的在征求意见。",
        "yours": "您的意见（不用留名字，不写人名和车牌）",
        "kept": "只给派出所看，不公开原话。截止后{{ days }}天删除。",
        "leave_empty": "这一格请空着",
        "send": "提交",
        "mine": "有编号？看、改、收回自己的意见",
        "mine_title": "自己的意见",
        "code": "编号，如 7K4Q-M2XD",
        "look": "看",
        "change": "改成这样",
        "take_back": "收回，全部删掉",
        "count": "一共收到 {{ count }} 条意见。",
        "reply": "派出所答复",
        "no_reply": "派出所还没有答复，请过几天再来看。",
        "taken": "收到了，谢谢。",
        "your_code": "您的编号",
        "remember": "记下编号，只显示这一次。",
        "how": "截止以前，用编号可以看、改、收回。",
        "tip": "您说的像是要民警去查的事。请再到“告诉派出所”私下说一次：值班民警会看，还能查进度。",
        "tip_link": "告诉派出所",
        "changed": "改好了。",
        "taken_back": "收回了，您的意见已经删掉。",
        "back": "返回",
        "unknown": "没找到这个编号。请看一看有没有写错。",
        "is_closed": "这个议题已经截止，不再收、也不能再改。",
        "too_many": "刚才提交得太多了，请过十分钟再来。急事请打110。",
        "too_many_codes": "试得太多了，请过十分钟再查。",
        "too_large": "太长了没收下，请写短一点，最多{{ longest }}个字。",
        "again": "这一页放得太久，还没有提交。请看一看，再点一次“提交”。",
        "nothing": "请写一写您的意见。",
        "not_stored": "没存上，请再点一次。急事请打110。",
    }
)
LESSON_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "call": "有危险打110，着火打119，有人受伤打120。",
        "kind": "云课堂",
        "basis": "依据：{{ authority }}。核对日期：{{ reviewed }}",
        "quiz": "三道题，不用写名字",
        "send": "提交",
        "counted": "只数本班多少人做过、答对多少，不知道是谁。",
        "not_all": "还有题没选，三道都选好再交。",
        "again": "这一页没打开完整，请再交一次。",
        "too_many": "刚才交的人太多了，过十分钟再交。",
        "unreadable": "没收完整，请再交一次。",
        "score": "答对 {{ right }} 道，共 {{ all }} 道",
        "known": "您做过这一课了，只算第一次。",
        "good": "对：",
        "chosen": "您选的：",
        "better": "应该选：",
        "gone": "这一课打不开：网址不完整，或者已经过期。请向班主任要新的网址。",
    }
)
OPEN_PAGES: Mapping[str, Usual] = MappingProxyType(
    {
        COUNCIL: Usual(
            COUNCIL_WORDS,
            {
                "open": frozenset({"until"}),
                "kept": frozenset({"days"}),
                "count": frozenset({"count"}),
                "too_large": frozenset({"longest"}),
            },
            frozenset({"first"}),
        ),
        LESSON: Usual(
            LESSON_WORDS,
            {"basis": frozenset({"authority", "reviewed"}), "score": frozenset({"right", "all"})},
            frozenset({"call"}),
        ),
    }
)
