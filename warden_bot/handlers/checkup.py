"""`doctor`: look at everything that has to be right for the bot to work, and say what to do about what is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from warden_bot.channels.base import Channel
from warden_bot.channels.registry import Channels
from warden_bot.content.alarms import AlarmSource
from warden_bot.content.drawing import INSTALL, Bar, Drawing, draw
from warden_bot.content.loading import Loaded
from warden_bot.domain.trouble import in_words, of_asking
from warden_bot.errors import SealBroken, SendError
from warden_bot.handlers.placing import lacking
from warden_bot.states import ChannelKind, OfficerRole
from warden_bot.store.columns import iso
from warden_bot.store.database import Database
from warden_bot.store.findings import open_findings
from warden_bot.store.groups import ADDRESS, Group, all_groups
from warden_bot.store.officers import Officer, all_officers, shifts_at
from warden_bot.store.outbox import oldest_waiting
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.store.tokens import tokens_of

LATE_SECONDS = 120
NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check showed: `ok`, `warning` (works, but look at it) or `fault` (something will not work)."""

    check: str
    state: str
    words: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `doctor --json` prints."""
        return {"check": self.check, "state": self.state, "words": self.words, "remedy": self.remedy or None}


def ok(check: str, words: str) -> Finding:
    """Return that a check is fine."""
    return Finding(check, "ok", words)


def warning(check: str, words: str, remedy: str) -> Finding:
    """Return that something works, but should be looked at."""
    return Finding(check, "warning", words, remedy)


def fault(check: str, words: str, remedy: str) -> Finding:
    """Return that something will not work."""
    return Finding(check, "fault", words, remedy)


def check_content(loaded: Loaded) -> list[Finding]:
    """Check the editors' folder."""
    if loaded.faults:
        first = loaded.faults[0]
        return [fault("content", f"内容有 {len(loaded.faults)} 处错，第一处 {first}", "改好后运行 content check")]
    if loaded.warnings:
        first = loaded.warnings[0]
        words = f"内容能用，有 {len(loaded.warnings)} 处要看，第一处 {first}"
        return [warning("content", words, "运行 content check --strict 看全部")]
    return [ok("content", "内容没有错")]


def check_pictures(font: Path | None) -> list[Finding]:
    """Draw a bulletin: without a picture its text still goes."""
    if font is None:
        return [warning("pictures", "这台机器没有中文字体，每周通报没有图片，只发文字", INSTALL)]
    if draw(Drawing("一周警情", "", "", (Bar("盗窃", "3起", "", 3),), "", ""), font) is None:
        words = f"用字体 {font.name} 画不出图片，每周通报只发文字"
        return [warning("pictures", words, f"重新安装程序（make install），或者换字体：{INSTALL}")]
    return [ok("pictures", f"每周通报有图片，字体 {font.name}")]


def check_address(base_url: str, *, needed_by: Sequence[str]) -> list[Finding]:
    """Check where the outside reaches us: callbacks and teachers' pages need it."""
    if not needed_by:
        return []
    if not base_url.startswith("https://"):
        words = f"外面打开的网址是 {base_url}，{'、'.join(needed_by)} 要用 https"
        return [warning("public_url", words, "把 WARDEN_PUBLIC_URL 设成外面能打开的 https 网址")]
    return [ok("public_url", base_url)]


def check_spool(spool: Spool, folder: Path) -> list[Finding]:
    """Check that an emergency can be kept while the database is away."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return [
            fault("spool", f"{folder} 写不进去：{error.strerror}", "给运行机器人的账号写权限，或改 WARDEN_SPOOL_DIR")
        ]
    apart = len(spool.set_apart())
    if apart:
        words = f"有 {apart} 条紧急消息打不开，放在一边"
        return [fault("spool", words, "把封存它们的旧密钥加回 WARDEN_SECRET_KEYS，重启后会再试；keys show 看是哪把")]
    waiting = len(spool.waiting())
    if waiting:
        return [warning("spool", f"有 {waiting} 条紧急消息在等数据库", "让 serve 连上数据库，它会自己补记")]
    return [ok("spool", "紧急消息有地方存")]


def check_alarms(sources: Mapping[str, AlarmSource], secrets: Mapping[str, str]) -> list[Finding]:
    """Check that every system that may send alarms has a secret; nothing is said where none is to be taken."""
    own = {name for name in secrets if name}
    if not own:
        return [ok("alarms", f"{len(sources)} 个来源用同一个密钥")] if secrets and sources else []
    without = [name for name in sources if name not in own]
    if without:
        words = f"没有密钥的报警来源：{'、'.join(without)}"
        return [warning("alarms", words, "在 WARDEN_ALARMS_SECRET 里加上 来源=密钥，不用的从 content/alarms.yml 删掉")]
    if unknown := sorted(own - set(sources)):
        words = f"WARDEN_ALARMS_SECRET 里有不认识的来源：{'、'.join(unknown)}"
        return [warning("alarms", words, "对照 content/alarms.yml 改名，或者删掉")]
    return [ok("alarms", f"{len(sources)} 个来源各有密钥")]


async def check_database(database: Database, sealer: Sealer, channels: Channels, now: datetime) -> list[Finding]:
    """Check what the database holds: keys that open it, routes, duty, the outbox, what was found already."""
    async with database.read() as session:
        groups, people = await all_groups(session), await all_officers(session)
        on_duty, waited = await shifts_at(session, now), await oldest_waiting(session, now)
        findings = await open_findings(session)
    found = [
        ok("database", "数据库连得上，版本正好"),
        _check_keys(groups, sealer),
        *_check_routes(groups, channels, sealer),
    ]
    found.append(_check_duty(people, len(on_duty)))
    if waited > LATE_SECONDS:
        found.append(fault("outbox", f"到点的消息已经等了 {round(waited)} 秒", "启动 serve，或者看 worker 的日志"))
    if findings:
        subjects = "、".join(f"{one.kind.value} {one.subject}" for one in findings[:NAMED_AT_MOST])
        found.append(warning("findings", f"有 {len(findings)} 件要看的事：{subjects}", "运行 findings list"))
    return found


def _check_keys(groups: Sequence[Group], sealer: Sealer) -> Finding:
    closed = []
    for group in groups:
        try:
            sealer.open(group.sealed_address, ADDRESS)
        except SealBroken:
            closed.append(group.code)
    if closed:
        words = f"{len(closed)} 个群的地址打不开：{'、'.join(closed[:NAMED_AT_MOST])}"
        return fault("keys", words, in_words("seal_broken").remedy)
    return ok("keys", "密钥能打开所有群的地址")


def _check_routes(groups: Sequence[Group], channels: Channels, sealer: Sealer) -> list[Finding]:
    if not groups:
        return [warning("groups", "还没有群", "用 groups import 导入")]
    found = []
    broken = [group for group in groups if group.route_broken_at is not None]
    for group in broken[:NAMED_AT_MOST]:
        words = f"{group.code}：{in_words(group.route_broken_code).what}，从 {iso(group.route_broken_at)} 起"
        found.append(fault("groups", words, in_words(group.route_broken_code).remedy))
    if len(broken) > NAMED_AT_MOST:
        found.append(fault("groups", f"一共 {len(broken)} 个群的路断了", "运行 groups health 看全部"))
    for (kind, names), count in lacking(groups, channels, sealer).items():
        found.append(
            fault("groups", f"{count} 个群走 {kind}，还缺设置 {names}", "填好后再启动；各项在哪里找，看 docs/channels")
        )
    mute = [group.code for group in groups if not channels[group.channel].can_push()]
    if mute:
        words = f"{len(mute)} 个群的渠道只能回答、不能主动发：{'、'.join(mute[:NAMED_AT_MOST])}"
        found.append(fault("groups", words, in_words("cannot_push").remedy))
    return found or [ok("groups", f"{len(groups)} 个群，没有断的路")]


def _check_duty(people: Sequence[Officer], on_duty: int) -> Finding:
    reachable = [one for one in people if one.channel is not None and one.sealed_address is not None]
    if not reachable:
        return fault("duty", "没有一个能通知到的民警，线索没人接", "用 officers add 加民警和他的私聊地址")
    if not on_duty:
        chiefs = [one for one in reachable if one.role is OfficerRole.CHIEF]
        words = "现在没有人值班" + ("，线索会直接找所长" if chiefs else "，也没有所长能通知")
        return (warning if chiefs else fault)("duty", words, "用 shifts import 导入值班表")
    return ok("duty", "现在有人值班")


async def kinds_in_use(database: Database) -> set[ChannelKind]:
    """Return the kinds on which some group or officer is reached."""
    async with database.read() as session:
        groups, people = await all_groups(session), await all_officers(session)
    return {group.channel for group in groups} | {one.channel for one in people if one.channel}


def needs_the_outside(channel: Channel) -> bool:
    """Say whether a platform calls us, or teachers open our pages."""
    return (channel.capabilities.receives and not channel.listens()) or channel.capabilities.hands_over


async def check_channel(channel: Channel, database: Database, now: datetime) -> Finding:
    """Check one kind: its settings, its platform, its token's end."""
    check = f"channel {channel.kind}"
    missing = channel.lacks()
    if missing:
        names = "、".join(f"WARDEN_{channel.kind.upper()}_{name}" for name in missing)
        return fault(check, f"缺设置 {names}", "填好后再启动；各项在哪里找，看 docs/channels")
    try:
        said = await channel.check()
    except SendError as error:
        trouble = of_asking(error.code)
        said = " ".join(filter(None, (error.platform_code, error.platform_words)))
        return fault(check, f"{trouble.what}（{said}）" if said else trouble.what, trouble.remedy)
    async with database.read() as session:
        tokens = await tokens_of(session)
    until = [at for name, at in tokens.items() if name.startswith(f"{channel.kind}:") and at is not None and at > now]
    words = said or "平台连得上"
    return ok(check, f"{words}，令牌到 {iso(max(until))}" if until else words)
