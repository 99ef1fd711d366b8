"""`warden-bot` and `python -m warden_bot`."""

from warden_bot.cli.commands import run


def main() -> None:
    """Run the command line."""
    run()


if __name__ == "__main__":
    main()
