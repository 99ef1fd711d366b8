"""What the console's pages of alerts say for each state and kind."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from warden_bot.alert_states import (
    AcknowledgedBy,
    AlertEventKind,
    AlertKind,
    AlertMove,
    AlertPart,
    AlertSeverity,
    AlertStatus,
)
from warden_bot.states import DeliveryStatus

SEVERITIES = {
    AlertSeverity.URGENT: "紧急（现在就有危险，夜里也发）",
    AlertSeverity.WARNING: "警示（今天的事，夜里不发）",
    AlertSeverity.INFO: "提示（不急，占本周条数）",
}
AUDIENCES = {"all": "校园总群和所有班", "classes": "所有班", "campus": "校园总群", "community": "社区群"}
DONE = {
    AlertMove.SUBMIT: "提交了，等另一个人批准。",
    AlertMove.APPROVE: "批准了。",
    AlertMove.RETURN: "退回了。",
    AlertMove.UPDATE: "更新正在发给原来那些群。",
    AlertMove.CLEAR: "解除正在发给原来那些群。",
    AlertMove.WITHDRAW: "停了，没发出的不再发。",
}
# The words that every page of alerts may use, as its template names them.
WORDS: Mapping[str, Any] = MappingProxyType(
    {
        "status_words": {
            AlertStatus.DRAFT: "草稿",
            AlertStatus.AWAITING_APPROVAL: "等批准",
            AlertStatus.APPROVED: "已批准，就要发出",
            AlertStatus.SENDING: "正在发",
            AlertStatus.ACTIVE: "已发出",
            AlertStatus.UPDATED: "已更新",
            AlertStatus.CLEARED: "已解除",
            AlertStatus.EXPIRED: "已过期",
            AlertStatus.WITHDRAWN: "已撤回",
        },
        "severity_words": {AlertSeverity.URGENT: "紧急", AlertSeverity.WARNING: "警示", AlertSeverity.INFO: "提示"},
        "audience_words": AUDIENCES,
        "kind_words": {
            AlertKind.GENERAL: "警报",
            AlertKind.MISSING_CHILD: "找孩子",
            AlertKind.BULLETIN: "情况通报",
            AlertKind.FEED: "外来预警",
        },
        "part_words": {AlertPart.ORIGINAL: "原文", AlertPart.UPDATE: "更新", AlertPart.CLEAR: "解除"},
        "event_words": {
            AlertEventKind.RAISED: "写了",
            AlertEventKind.SUBMITTED: "提交",
            AlertEventKind.RETURNED: "退回",
            AlertEventKind.APPROVED: "批准",
            AlertEventKind.RELEASED: "开始发",
            AlertEventKind.UPDATED: "更新",
            AlertEventKind.CLEARED: "解除",
            AlertEventKind.EXPIRED: "过期",
            AlertEventKind.WITHDRAWN: "撤回",
            AlertEventKind.REMINDED: "提醒没回的班",
            AlertEventKind.SHRUNK: "群比批准时少",
        },
        "delivery_words": {
            DeliveryStatus.QUEUED: "排队",
            DeliveryStatus.SENDING: "正在发",
            DeliveryStatus.SENT: "发到了",
            DeliveryStatus.RELAY_PENDING: "等老师转发",
            DeliveryStatus.RELAYED: "老师发了",
            DeliveryStatus.UNCONFIRMED: "没有回音",
            DeliveryStatus.FAILED: "没发到",
            DeliveryStatus.CANCELLED: "停了",
            DeliveryStatus.EXPIRED: "过了时间没发",
        },
        "heard_words": {
            AcknowledgedBy.MESSAGE: "群里回的",
            AcknowledgedBy.BUTTON: "点的表情或按钮",
            AcknowledgedBy.PAGE: "网页上点的",
            AcknowledgedBy.CALL: "打过电话",
        },
    }
)
