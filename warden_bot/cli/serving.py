"""`serve`, `demo`, `db`: start the program and keep its database."""

from typing import Annotated

import typer

from warden_bot.cli.console import log_to_stderr, run, say

database = typer.Typer(help="数据库（the database）", no_args_is_help=True)


def serve(role: Annotated[str, typer.Option(help="all、web、worker 或 scheduler")] = "all") -> None:
    """启动机器人。Run the bot with the configured channels."""
    from warden_bot.app import Role
    from warden_bot.app import serve as serve_here
    from warden_bot.environment import settings_from_here

    if role not in set(Role):
        raise typer.BadParameter(f"要写 {'、'.join(Role)} 之一", param_hint="--role")
    settings = settings_from_here()
    log_to_stderr(settings.log_level)
    run(serve_here(settings, Role(role)))


def demo() -> None:
    """启动演示学校：SQLite、沙盒页面，不用任何账号。Run the demo school in a browser."""
    from warden_bot.app import Role
    from warden_bot.app import serve as serve_here
    from warden_bot.environment import settings_from_here

    settings = settings_from_here(demo=True)
    log_to_stderr("WARNING" if settings.log_level == "INFO" else settings.log_level)
    run(serve_here(settings, Role.ALL, demo=True))


@database.command("upgrade")
def upgrade() -> None:
    """建表或升级到最新版本。Bring the database to the newest schema."""
    from warden_bot.environment import settings_from_here
    from warden_bot.store.database import REVISION
    from warden_bot.store.upgrade import upgrade as upgrade_here

    run(upgrade_here(settings_from_here().database_url))
    say(f"数据库已是版本 {REVISION}（up to date）")


@database.command("check")
def check() -> None:
    """看数据库版本对不对。Say whether the schema is current."""
    from warden_bot.environment import settings_from_here
    from warden_bot.store.database import REVISION, Database

    settings = settings_from_here()

    async def look() -> None:
        found = Database(settings.database_url, settings.school_id)
        try:
            await found.require_current()
        finally:
            await found.close()

    run(look())
    say(f"数据库是版本 {REVISION}，正好（up to date）")
