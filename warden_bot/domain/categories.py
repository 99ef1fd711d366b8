"""What a case is about, in the words that officers read."""

REPORT = "tip"  # a report; with a family of topics after a colon where that is plain
CATEGORIES = {
    "tip": "举报线索",
    "human": "找民警",
    "impersonation": "有人冒充班主任",
    "talk": "学校请民警讲课",
    "alarm": "校园报警",
    "harm": "教师报告侵害线索",
    "volunteer": "报名巡逻",
    "mediation": "预约调解",
    "weapon": "紧急：有人持刀行凶",
    "suicide": "紧急：有人不想活",
    "fire": "紧急：起火",
    "drowning": "紧急：落水",
    "traffic": "紧急：车祸伤人",
    "medical": "紧急：病危",
    "carbon_monoxide": "紧急：煤气中毒",
    "violence": "紧急：正在打人",
    "break_in": "紧急：有人闯入",
    "kidnap": "紧急：劫持",
    "missing": "紧急：走失",
    "money_leaving": "紧急：正在被骗转账",
    "call_for_help": "紧急：呼救",
    "guard:fake-teacher-fee": "防骗预警：冒充老师收钱",
    "guard:order-brushing": "防骗预警：刷单返利",
    "guard:fake-police": "防骗预警：冒充公检法",
    "guard:exam-cheat": "防骗预警：卖答案押题",
    "guard:campus-loan": "防骗预警：校园贷",
    "guard:subsidy": "防骗预警：假补助假退费",
    "guard:fake-job": "防骗预警：先交钱的假招工",
    "guard:account-rental": "防骗预警：收卡租号",
    "guard:qr-gift": "防骗预警：扫码送礼",
    "guard:game-trade": "防骗预警：游戏皮肤和账号",
    "guard:impersonate-acquaintance": "防骗预警：冒充熟人借钱",
    "guard:investment": "防骗预警：拉人投资",
    "guard:refund-customer-service": "防骗预警：假客服退款",
}
GUARD, GUARD_WORDS = "guard:", "防骗预警"  # before the kind of scam; an editor may have named a new one
FAMILIES = {
    "fraud": "诈骗",
    "exam": "考试骗局",
    "drugs": "涉毒",
    "traffic": "交通",
    "fire": "消防隐患",
    "water": "溺水隐患",
    "bully": "欺凌",
    "minors": "涉及未成年人",
    "home": "家庭",
    "rental": "出租屋",
    "residence": "出租屋",
    "dispute": "纠纷",
    "theft": "盗窃",
    "animal": "犬只",
    "rumor": "谣言",
    "visitor": "校园进出",
}


def category_words(category: str) -> str:
    """Return a case's category as people say it."""
    kind, _, family = category.partition(":")
    if kind == REPORT and family in FAMILIES:
        return f"{CATEGORIES[REPORT]}（{FAMILIES[family]}）"
    return CATEGORIES.get(category, GUARD_WORDS if category.startswith(GUARD) else category)
