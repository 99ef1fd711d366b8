"""What comes in, read in the same way by every kind: strict documents, ids, names and words."""

import json
import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from warden_bot.errors import CallbackRejected

LONGEST_ID = 200  # characters
LONGEST_NAME = 200  # characters
LONGEST_INBOUND = 20_000  # characters of one message; several times what a client lets anybody write
MOST_MEDIA = 20  # of one message
MENU = "菜单"  # what somebody is taken to ask who comes for the first time
# All but line breaks and tabs. Half characters too, which no database takes.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Strict(BaseModel):
    """Nothing is guessed from a wrong type; unknown keys are left alone; what was refused is not repeated."""

    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, document: bytes | str) -> Self:
        """Read JSON. Raise CallbackRejected for anything else."""
        try:
            return cls.model_validate_json(document)
        except ValidationError:
            raise CallbackRejected("malformed", 400) from None


def json_object(document: bytes) -> dict[str, Any]:
    """Return a JSON object whose fields are looked at one by one. Raise CallbackRejected for anything else."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CallbackRejected("malformed", 400)
    return found


def clean_text(words: str) -> str:
    """Return what can be seen of a message's words, up to a length that nobody needs."""
    return CONTROLS.sub("", words).strip()[:LONGEST_INBOUND]


def clean_name(words: str) -> str:
    """Return what can be shown of a name on one line."""
    return "".join(filter(str.isprintable, words))[:LONGEST_NAME]
