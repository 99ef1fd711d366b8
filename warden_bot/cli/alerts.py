"""`alerts`: what an officer raises, another one approves, and the classes acknowledge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import Json, refuse, run, run_as, say, show_json, warn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from warden_bot.handlers.alert_judging import Bench
    from warden_bot.kit import Kit
    from warden_bot.settings import Settings
    from warden_bot.store.alerts import Alert
    from warden_bot.store.database import Session
    from warden_bot.store.officers import Officer
    from warden_bot.store.recalls import RecallCounts

    Work = Callable[[Session, Bench, Officer], Awaitable[Alert]]

app = typer.Typer(help="警报（alerts）", no_args_is_help=True)
As = Annotated[str, typer.Option("--as", help="谁在操作（officers add 登记过的名字）")]
Number = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1)]
Text = Annotated[str, typer.Option("--text", help="要发的话")]
MOST_HOURS = 14 * 24
SEVERITIES = {"urgent": "紧急", "warning": "警示", "info": "提示"}
WORDS = {
    "draft": "草稿",
    "awaiting_approval": "等批准",
    "approved": "已批准，就要发出",
    "sending": "正在发",
    "active": "已发出",
    "updated": "已更新",
    "cleared": "已解除",
    "expired": "已过期",
    "withdrawn": "已撤回",
}


def bench_of(kit: "Kit", settings: "Settings") -> "Bench":
    """Return what working on alerts needs, now."""
    from warden_bot.content.loading import load_library
    from warden_bot.handlers.alert_judging import Bench

    library = load_library(settings.content_dir, kit.clock().astimezone(settings.zone).date()).library
    # The five seconds in which an approval can be stopped begin now, not before the content was read.
    return Bench(kit.sealer, kit.channels, library, settings.zone, kit.clock())


def _act(officer: str, do: "Work", *, as_json: bool) -> None:
    """Do something with an alert as an officer, in one transaction, and say how it stands."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.case import named_officer
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session

    settings = settings_from_here()

    async def work() -> "Alert":
        async with open_kit(settings) as kit:
            bench = bench_of(kit, settings)

            async def write(session: Session) -> "Alert":
                return await do(session, bench, await named_officer(session, officer))

            return await kit.database.write(write)

    _say_how_it_stands(run(work()), as_json=as_json)


def _say_how_it_stands(alert: "Alert", *, as_json: bool) -> None:
    result: dict[str, Any] = {"id": alert.id, "status": alert.status.value}
    if as_json:
        show_json(result)
    else:
        say(f"警报 {result['id']}：{WORDS[result['status']]}")


@app.command("raise")
def raise_(
    title: Annotated[str, typer.Option(help="标题")],
    text: Text,
    severity: Annotated[str, typer.Option(help="info、warning 或 urgent")],
    audience: Annotated[str, typer.Option(help="all、campus、classes、grade:高三、group:代号，+ 加 - 减")],
    officer: As,
    needs_ack: Annotated[bool, typer.Option("--needs-ack", help="请班主任回“收到”")] = False,
    training: Annotated[bool, typer.Option("--training", help="演练：只发给民警群")] = False,
    kind: Annotated[str, typer.Option(help="general 或 missing_child")] = "general",
    picture: Annotated[Path | None, typer.Option(help="走失孩子的照片")] = None,
    hours: Annotated[int | None, typer.Option(min=1, max=MOST_HOURS, help="几小时后自动结束")] = None,
    as_json: Json = False,
) -> None:
    """发起一条警报，等另一个人批准。Save an alert and submit it."""
    from datetime import timedelta

    from warden_bot.alert_states import AlertKind, AlertSeverity
    from warden_bot.handlers.alert import Wanted, raise_alert

    if severity not in set(AlertSeverity):
        raise typer.BadParameter("要写 info、warning 或 urgent", param_hint="--severity")
    if kind not in (AlertKind.GENERAL, AlertKind.MISSING_CHILD):
        raise typer.BadParameter("要写 general 或 missing_child", param_hint="--kind")
    if picture is not None and kind != AlertKind.MISSING_CHILD:
        raise refuse("照片只能放在走失孩子的通知里，加上 --kind missing_child")
    wanted = Wanted(
        title,
        text,
        AlertSeverity(severity),
        audience,
        AlertKind(kind),
        needs_ack,
        training,
        timedelta(hours=hours) if hours else None,
        _picture(picture),
    )
    _act(officer, lambda session, bench, who: raise_alert(session, bench, wanted, who), as_json=as_json)


def _picture(path: Path | None) -> tuple[bytes, str] | None:
    """Read a picture and make it anew, without where and when it was taken."""
    from warden_bot.domain.picture import MEDIA_TYPE, made_anew

    if path is None:
        return None
    made = made_anew(path.read_bytes())
    if made is None:
        raise refuse(f"{path.name} 不是能用的照片，请用 JPG、PNG 或 WEBP")
    return made, MEDIA_TYPE


@app.command("submit")
def submit(
    alert: Number,
    officer: As,
    text: Annotated[str, typer.Option("--text", help="改过的话")] = "",
    title: Annotated[str, typer.Option("--title", help="改过的标题")] = "",
    as_json: Json = False,
) -> None:
    """改好后再提交。Send a draft for approval."""
    from warden_bot.handlers.alert import submit as submit_here

    _act(
        officer,
        lambda session, bench, who: submit_here(session, bench, alert, who, text=text, title=title),
        as_json=as_json,
    )


@app.command("approve")
def approve(alert: Number, officer: As, as_json: Json = False) -> None:
    """批准，五秒后发出。Let it leave, in five seconds."""
    from warden_bot.handlers.alert import approve as approve_here

    _act(officer, lambda session, bench, who: approve_here(session, bench, alert, who), as_json=as_json)


@app.command("return")
def return_(
    alert: Number,
    officer: As,
    reason: Annotated[str, typer.Option("--reason", "--text", help="哪里要改；不写就让写的人来问")] = "",
    as_json: Json = False,
) -> None:
    """退回修改。Return it for edit, with the reason, or with whom to ask for it."""
    from warden_bot.handlers.alert import give_back

    words = reason or f"没写理由，请问{officer}"
    _act(officer, lambda session, bench, who: give_back(session, bench, alert, who, words), as_json=as_json)


@app.command("update")
def update(alert: Number, officer: As, text: Text, as_json: Json = False) -> None:
    """用新的话再说一次，只发给原来那些群。Say it in newer words to the groups that got it."""
    from warden_bot.handlers.alert import update as update_here

    _act(officer, lambda session, bench, who: update_here(session, bench, alert, who, text), as_json=as_json)


@app.command("clear")
def clear(
    alert: Number,
    officer: As,
    text: Annotated[str, typer.Option("--text", help="解除时说的话；不写就用 alerts.yml 里的")] = "",
    as_json: Json = False,
) -> None:
    """解除，只发给原来那些群。Give the all-clear to the groups that got it."""
    from warden_bot.handlers.alert import clear as clear_here

    _act(officer, lambda session, bench, who: clear_here(session, bench, alert, who, text), as_json=as_json)


@app.command("withdraw")
def withdraw(
    alert: Number,
    officer: As,
    reason: Annotated[str, typer.Option("--reason", help="为什么")] = "",
    as_json: Json = False,
) -> None:
    """撤回：没发出的不再发，已经到群里的收回（平台允许的才行）。Stop it, and take back what has arrived where that can be."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.alert import withdraw as withdraw_here
    from warden_bot.handlers.alert_recalling import Recaller, recall_now
    from warden_bot.kit import open_kit
    from warden_bot.store.recalls import count_recalled

    settings = settings_from_here()
    # Without the content, which takes time to read: there may be seconds left.
    done = run_as(officer, settings, lambda session, kit, who: withdraw_here(session, alert, who, kit.clock(), reason))

    async def take_back() -> "RecallCounts":
        async with open_kit(settings) as kit:
            await recall_now(Recaller(kit.database, kit.channels, kit.sealer, kit.clock, officer), alert)
            async with kit.database.read() as session:
                return await count_recalled(session, done)

    counts = run(take_back())
    if counts.stayed or counts.trying:
        warn(_recall_in_words(counts.recalled, counts.stayed, counts.trying))
    _say_how_it_stands(done, as_json=as_json)


def _recall_in_words(recalled: int, stayed: int, trying: int) -> str:
    said = {f"收回了 {recalled} 个群的": recalled, f"{stayed} 个群的收不回": stayed, f"{trying} 个群的还在收": trying}
    return "，".join(words for words, count in said.items() if count)


@app.command("show")
def show(alert: Number, as_json: Json = False) -> None:
    """看一条警报到哪了。Show how far an alert has got."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.alert_showing import shown
    from warden_bot.kit import open_kit

    async def work() -> dict[str, Any]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            return await shown(session, alert)

    result = run(work())
    if as_json:
        show_json(result)
        return
    say(f"警报 {result['id']}（{WORDS[result['status']]}）{result['title']}：{result['groups']} 个群")
    if result["shrunk"]:
        say(f"  批准时 {result['expected']} 个群，现在只有 {result['groups']} 个")
    if result["reason"]:
        say(f"  理由：{result['reason']}")
    if any(result["recall"].values()):
        say(f"  {_recall_in_words(**result['recall'])}")
    if result["needs_ack"]:
        say(
            f"  收到 {result['acknowledged']}，没回 {len(result['silent'])}"
            + ("：" + "、".join(result["silent"])) * bool(result["silent"])
        )


@app.command("list")
def list_alerts(as_json: Json = False) -> None:
    """列出警报，新的在前。List the alerts, the newest first."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.alert_showing import list_rows
    from warden_bot.kit import open_kit

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            return await list_rows(session)

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['id']}\t{WORDS[row['status']]}\t{SEVERITIES[row['severity']]}\t{row['title']}")
    say(f"共 {len(rows)} 条")


@app.command("preview")
def preview(alert: Number, as_json: Json = False) -> None:
    """发出前看每个渠道会是什么样、谁会收到。Show what each channel would carry, and to whom."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.alert_showing import preview as preview_here
    from warden_bot.kit import open_kit

    settings = settings_from_here()

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return await preview_here(session, bench_of(kit, settings), alert)

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(
            f"{row['channel']}：{len(row['parts'])} 段，{'、'.join(map(str, row['bytes']))} 字节（一段最多 {row['most_bytes']}）"
        )
        say("\n".join(row["parts"]))
        say(f"发给 {len(row['recipients'])} 个群：{'、'.join(row['recipients'])}")
