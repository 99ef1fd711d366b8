"""`alerts silent` and `alerts heard`: which classes have not said that they heard an alert, and who heard it by telephone."""

from typing import TYPE_CHECKING, Annotated

import typer

from warden_bot.cli.console import Json, run, run_as, say, show_json

if TYPE_CHECKING:
    from warden_bot.store.acknowledgements import Acknowledgement

Number = Annotated[int, typer.Argument(help="警报编号")]


def silent(alert: Number, *, as_json: Json = False) -> None:
    """列出还没回“收到”的班，供打电话。List the classes that have not said that they heard an alert."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.acknowledgement import call_list
    from warden_bot.kit import open_kit

    settings = settings_from_here()

    async def work() -> "list[Acknowledgement]":
        async with open_kit(settings) as kit, kit.database.read() as session:
            return await call_list(session, alert)

    found = run(work())
    if as_json:
        show_json([{**one.as_json(), "teacher": one.teacher} for one in found])
        return
    for one in found:
        say(f"{one.code}  {one.name}  {one.grade}  {one.teacher or '（没写班主任）'}  提醒过 {one.reminders} 次")
    say(f"还有 {len(found)} 个班没有回“收到”" if found else "都回了“收到”")


def heard(
    alert: Number,
    code: Annotated[str, typer.Argument(help="群编号，如 c001")],
    officer: Annotated[str, typer.Option("--as", help="哪位民警打的电话")],
) -> None:
    """登记：打过电话，这个班知道了。Write down that a class heard it by telephone."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.acknowledgement import acknowledge_by_call

    run_as(
        officer,
        settings_from_here(),
        lambda session, kit, who: acknowledge_by_call(session, alert, code, who, kit.clock()),
    )
    say(f"{code} 登记为已收到")
