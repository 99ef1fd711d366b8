"""A small content folder for tests that change words: it is read and learnt in no time."""

import shutil
from pathlib import Path

from tests.conftest import CONTENT

TOPICS = ("lost.id-card", "lost.items", "station.address-hours-phone")


def small_content(folder: Path) -> Path:
    """Make a folder with three topics, everything that has no samples, one sort of danger, and one bound."""
    big = shutil.ignore_patterns(".learnt", "answers", "speech", "tests", "topics.yml", "class_card.yml")
    shutil.copytree(CONTENT, folder, ignore=big)
    (folder / "answers").mkdir()
    (folder / "tests").mkdir()
    (folder / "speech" / "danger").mkdir(parents=True)
    (folder / "speech" / "danger" / "fire.txt").write_text("着火了\n家里起火了快来人\n", encoding="utf-8")
    for topic in TOPICS:
        shutil.copy(CONTENT / "answers" / f"{topic}.md", folder / "answers")
    (folder / "tests" / "least.yml").write_text("ambient:\n  answer_recall: 0.5\n", encoding="utf-8")
    return folder
