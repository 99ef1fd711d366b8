"""`content`: check what editors wrote, and see how it will look."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import Json, local_time, refuse, run, run_as, say, show_json, warn

if TYPE_CHECKING:
    from warden_bot.content.labelled import Score

app = typer.Typer(help="内容（the words in content/）", no_args_is_help=True)


@app.command("check")
def check(
    strict: Annotated[bool, typer.Option("--strict", help="提醒也算不合格")] = False, as_json: Json = False
) -> None:
    """检查内容文件夹：每处毛病写明文件、行和原因，再拿 tests/ 里的题考一遍。Check every content file and the scores."""
    from warden_bot.channels.registry import channels_for_looking
    from warden_bot.content.loading import load_library
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.handlers.fitting import campaigns_over_limit
    from warden_bot.handlers.learning import Examined, examine

    settings = settings_from_here()
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    faults = loaded.faults or campaigns_over_limit(loaded.library, channels_for_looking(utc_now))
    examined = Examined([], [], []) if faults else examine(loaded.library, settings.content_dir)
    faults, warnings = faults + examined.faults, loaded.warnings + examined.warnings
    if as_json:
        rows = [("fault", fault) for fault in faults] + [("warning", warning) for warning in warnings]
        rows += [("score", score.as_fault()) for score in examined.scores]
        show_json([{"id": kind, "file": one.file, "line": one.line, "reason": one.reason} for kind, one in rows])
    else:
        for fault in faults:
            say(f"错误 {fault}")
        for warning in warnings:
            say(f"提醒 {warning}")
    for words in _score_lines(examined.scores):
        warn(words)
    library = loaded.library
    if faults or (strict and warnings):
        raise refuse(f"内容不合格：{len(faults)} 处错误，{len(warnings)} 处提醒")
    warn(f"内容合格：{len(library.answers)} 条回答，{len(library.campaigns)} 条推送，{len(library.calendar)} 个日子")


def _score_lines(scores: "list[Score]") -> list[str]:
    """Return one line a mode: every figure beside its bound."""
    modes = dict.fromkeys(score.mode for score in scores)
    return [f"{mode}：" + "，".join(one.short for one in scores if one.mode == mode) for mode in modes]


@app.command("learn")
def learn() -> None:
    """从内容文件夹的句子里学一遍并记下来，以后启动就快。Learn from the folder's lines now, so that starts are fast."""
    from warden_bot.content.loading import load_library
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.errors import FaultsFound

    settings = settings_from_here()
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    if loaded.faults:
        raise FaultsFound(loaded.faults)
    _ = loaded.library.index, loaded.library.guard
    warn("学好了")


@app.command("preview")
def preview(
    item: Annotated[str, typer.Argument(metavar="ID", help="主题编号或推送编号")],
    channel: Annotated[str | None, typer.Option(help="看这个渠道的字节数和分段")] = None,
    as_json: Json = False,
) -> None:
    """看群里会是什么样。Show what a group would see."""
    from warden_bot.channels.registry import channels_for_looking
    from warden_bot.content.loading import load_library
    from warden_bot.domain.calendar import day_words
    from warden_bot.domain.message import OutboundMessage, Recipient
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.errors import FaultsFound
    from warden_bot.states import ChannelKind

    settings = settings_from_here()
    if channel is not None and channel not in set(ChannelKind):
        raise typer.BadParameter(f"要写 {'、'.join(ChannelKind)} 之一", param_hint="--channel")
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    mine = [fault for fault in loaded.faults if item in fault.file]
    if mine:
        raise FaultsFound(mine)
    library, values = loaded.library, loaded.library.values(day_words(utc_now(), settings.zone))
    if item in library.answers:
        answer = library.answers[item]
        texts = {"群里": answer.group.render(values), "私聊": answer.private.render(values)}
    elif item in library.campaigns:
        wordings = library.campaigns[item].wordings
        texts = {f"正文{number}": one.render(values) for number, one in enumerate(wordings, start=1)}
    else:
        raise refuse(f"没有编号 {item} 的回答或推送")
    kinds = [ChannelKind(channel)] if channel else list(ChannelKind)
    channels = channels_for_looking(utc_now)
    shown: list[dict[str, Any]] = []
    for place, text in texts.items():
        for kind in kinds:
            parts = channels[kind].parts(OutboundMessage("", Recipient("", ""), text))
            most = channels[kind].capabilities.longest_part
            shown.append(
                {"id": place, "channel": kind.value, "bytes": len(text.encode()), "most": most, "parts": parts}
            )
    if as_json:
        show_json(shown)
        return
    for place, text in texts.items():
        say(f"【{place}】{len(text)} 个字\n{text}\n")
    for row in shown:
        say(f"{row['id']} {row['channel']}：{row['bytes']} / {row['most']} 字节，{len(row['parts'])} 段")


@app.command("held")
def held(as_json: Json = False) -> None:
    """列出班主任说不对、先不说的回答。List the answers that class teachers say are wrong."""
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.held_answers import held_answers

    settings = settings_from_here()

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return [one.as_json() for one in await held_answers(session)]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['topic']}\t{row['group']}\t{local_time(row['held_at'], settings.zone)}")
    if not rows:
        say("没有停用的回答")


@app.command("release")
def release(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="主题编号")],
    editor: Annotated[str, typer.Option("--as", help="谁核对过（officers add 登记过的编辑或所长）")],
) -> None:
    """核对过了，这条回答可以再说。Let an answer be given again that was held."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.teaching import release as release_answer

    groups = run_as(
        editor, settings_from_here(), lambda session, kit, who: release_answer(session, topic, who, kit.clock())
    )
    say(f"{topic} 可以再说了：{'、'.join(groups)}")
