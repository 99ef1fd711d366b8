"""What a message asks of whoever reads it, and how: the signs by which people tell a scam, each with its name.

A sign alone proves nothing: school notices ask for money too. They are features beside the words for the guard's
learner, and what a warning gives as its reasons.
"""

import re

SIGNS: dict[str, str] = {
    "要人付钱": r"[转付交汇垫充打补缴退]\w{0,6}(?:元|块|钱|款|费|红包|押金|万|千)|(?<!\d)\d{1,9}(?:\.\d{1,2})?(?:元|块)|红包|押金|定金|保证金|手续费|工本费|解冻|激活",
    "群里收款码": r"收款码|付款码|二维码|扫码|扫一?下|码在|扫上面|扫下面|扫图|长按识别",
    "让人点链接": r"https?:|www\.|\.example|点击|点此|点链接|点进|戳这|链接",
    "要验证码或证件": r"验证码|密码|银行卡号?|身份证|手持|刷脸|人脸|认证|实名|短信码|取款机|柜员机",
    "要共享屏幕": r"共享屏幕|屏幕共享|投屏|会议软件|远程",
    "催得急": r"今[天日晚]|截止|马上|立即|立刻|尽快|限时|最后|只剩|名额|前\d{1,4}名|过期|失效|关闭|逾期|抓紧|先到先得|满员|仅剩",
    "不让别人知道": r"保密|不要告诉|别告诉|勿告|不得告知|别声张|别外传|无需家长|不用家长|不查|私密|泄密",
    "拉到别处说": r"加我|私我|私聊|加微|加v|加q|q群|进群|扫码进|添加|企微|新号|换号|新微信|联系我|找我",
    "许诺好处": r"免费|秒到|稳赚|返利|佣金|日结|日入|月入|高薪|领取|送完|中奖|恭喜|补贴|补助|退税|包过|保过|内部|绝密|押题|答案|命中|低息|无抵押",
    "用身份压人": r"公安|警官|检察|法院|逮捕|涉嫌|涉案|洗钱|教务|教育局|教育部|校医|班主任|校长|领导|客服|官方|通知",
    "收卡收号": r"(?:收|租|借|卖)\w{0,4}(?:卡|号|微信|账户)",
    "提醒别人": r"提醒|警惕|谨防|防骗|反诈|诈骗|骗子|被骗|假的|别信|不要信|勿信|勿点|别扫|不要扫|不要转|切勿|小心|当心|转发|谣言|冒充|上当|均为|都是骗",
    "问真假": r"真的吗|真假|真的假的|靠谱|是不是真|安全吗|能信|可信|是骗|本人发|能点吗|能扫吗|[吗么]$|[?]|谁知道|有没有人",
    "说过去的事": r"昨天|上次|去年|上回|之前|听说|新闻|那个|居然|原来|已经|谢谢|感谢|收到",
    "走学校的路": r"现金|课代表|柜台|窗口|餐卡|公众号|公示|发票|当面|自愿|原路|不收任何|不经过|书店|报名表|办公室",
}
_SIGNS = [(name, re.compile(pattern)) for name, pattern in SIGNS.items()]
SOOTHING = frozenset({"提醒别人", "问真假", "说过去的事", "走学校的路"})


def signs_in(folded: str) -> list[str]:
    """Return the names of the signs in a text, as `fold` gives it."""
    return [name for name, pattern in _SIGNS if pattern.search(folded)]
