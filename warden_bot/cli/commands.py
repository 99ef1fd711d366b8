"""The command line: every command in one tree."""

import sys

import typer

from warden_bot.cli import (
    acknowledging,
    alerts,
    broadcasts,
    bulletins,
    calendar,
    cap,
    cards,
    case_pictures,
    case_records,
    cases,
    content,
    council,
    deliveries,
    desk_work,
    doctor,
    findings,
    groups,
    guarding,
    keys,
    learning,
    lessons,
    people,
    posters,
    questions,
    retention,
    serving,
    silence,
)
from warden_bot.cli.console import explain

app = typer.Typer(
    name="warden-bot",
    help="校园安全机器人（a chat-group bot for one police station and one very large school）",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serving.serve)
app.command("demo")(serving.demo)
app.add_typer(serving.database, name="db")
app.add_typer(groups.app, name="groups")
app.add_typer(content.app, name="content")
app.add_typer(broadcasts.app, name="broadcast")
app.add_typer(alerts.app, name="alerts")
app.add_typer(bulletins.app, name="bulletin")
alerts.app.command("silent")(acknowledging.silent)
alerts.app.command("heard")(acknowledging.heard)
alerts.app.command("cap")(cap.export)
alerts.app.command("read-cap")(cap.take)
app.add_typer(calendar.app, name="calendar")
app.add_typer(cards.app, name="cards")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(findings.app, name="findings")
app.command("ask")(questions.ask)
app.add_typer(guarding.app, name="guard")
app.add_typer(learning.app, name="questions")
app.command("doctor")(doctor.doctor)
app.add_typer(people.officers, name="officers")
app.add_typer(people.shifts, name="shifts")
app.add_typer(cases.app, name="cases")
cases.app.command("ack")(desk_work.ack)
cases.app.command("close")(desk_work.close)
cases.app.command("transfer")(desk_work.transfer)
cases.app.command("note")(desk_work.note)
cases.app.command("reply")(desk_work.reply)
cases.app.command("due")(desk_work.due)
cases.app.command("reopen")(desk_work.reopen)
cases.app.command("reporter")(case_records.reporter)
cases.app.command("pictures")(case_pictures.pictures)
cases.app.command("export")(case_records.export)
app.add_typer(posters.app, name="tips")
app.add_typer(silence.app, name="silence")
app.add_typer(keys.app, name="keys")
app.add_typer(retention.app, name="retention")
app.add_typer(lessons.app, name="lessons")
app.add_typer(council.app, name="council")


def run() -> None:
    """Run the command that was typed; refusals end with 1, wrong usage with 2."""
    try:
        app()
    except Exception as error:
        code = explain(error)
        if code is None:
            raise
        sys.exit(code)
