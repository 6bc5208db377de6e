"""The programs in the documentation run, and print what is written below them."""

import contextlib
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [ROOT / "docs" / "datastream.md", ROOT / "docs" / "checkpoints.md"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Blocks = list[tuple[str, str]]  # language and text


def chapters(guide: Path) -> dict[str, Blocks]:
    """The blocks of each chapter of a guide; those before the first chapter are under ""."""
    parts = re.split(r"^## (.*)$", guide.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        title: FENCED.findall(text)
        for title, text in zip(["", *parts[1::2]], parts[0::2], strict=True)
    }


CHAPTERS = {guide.stem: chapters(guide) for guide in GUIDES}


def outputs(guide: str, blocks: Blocks) -> list[tuple[str, str]]:
    """What is printed by the blocks of Python before each block of text, and that text."""
    namespace = {"__name__": "__main__"}
    compared = []
    printed = io.StringIO()
    for language, text in blocks:
        if language == "python":
            with contextlib.redirect_stdout(printed):
                exec(compile(text, guide, "exec"), namespace)
        elif language:
            assert language == "text", f"a block of {language!r}"
            compared.append((printed.getvalue(), text))
            printed = io.StringIO()
    assert not printed.getvalue(), "printed, but not shown in the guide"
    return compared


@pytest.mark.parametrize(
    ("guide", "title"),
    [
        (guide, title)
        for guide, chapters_ in CHAPTERS.items()
        for title, blocks in chapters_.items()
        if title and any(language for language, _ in blocks)
    ],
)
def test_the_guide_prints_what_it_says(guide: str, title: str) -> None:
    shown = outputs(guide, CHAPTERS[guide][""] + CHAPTERS[guide][title])
    assert shown
    for printed, expected in shown:
        assert printed == expected


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    for file in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = FENCED.sub("", file.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\((?!\w+:)([^)#\s]+)", text):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
        for target in re.findall(r"`((?:docs|examples|benchmarks|tests)/[\w./-]+)`", text):
            assert (ROOT / target).exists(), f"{file.name}: {target}"


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda p: p.stem)
def test_pictures_are_well_formed(picture: Path) -> None:
    root = ElementTree.parse(picture).getroot()
    assert root.tag.endswith("svg") and root.get("viewBox")
