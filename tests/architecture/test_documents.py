"""What the documents point at is there, and the scripts they name can be run."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from .conftest import Source

DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")


@pytest.fixture(scope="module")
def pages(tracked_files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Every tracked page for people."""
    return tuple(path for path in tracked_files if path.suffix == ".md")


@pytest.fixture(scope="module")
def scripts(root: Path) -> tuple[Path, ...]:
    """Every script of the repository."""
    return (*sorted((root / "script").iterdir()), root / ".ci" / "run")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_people_look_for_is_there(root: Path, name: str) -> None:
    assert (root / name).stat().st_size > 0


def test_links_between_pages_lead_somewhere(pages: tuple[Path, ...]) -> None:
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


PROFILE = (
    "Scope, roles, status",
    "Overview",
    "GAP: how the two find each other",
    "GATT: the table",
    "Frames",
    "Channel",
    "Messages",
    "State machines",
    "Errors and limits",
    "Resume",
    "Security and privacy considerations",
    "Platform notes",
    "Constants",
    "Test vectors",
    "Implementation checklist",
    "Change log and reserved values",
)


def test_the_profile_has_its_sections_and_names_no_other(root: Path) -> None:
    text = (root / "gatt_profile.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#{2,3} (\d+(?:\.\d+)?)\.? (.+)$", text, re.MULTILINE)
    assert [(number, name) for number, name in headings if "." not in number] == [
        (str(number), name) for number, name in enumerate(PROFILE, start=1)
    ]
    named = re.findall(r"\bsections? (\d+(?:\.\d+)?)", text)
    assert {number for number in named if number not in dict(headings)} == set()
    for number, name in enumerate(PROFILE, start=1):
        assert f"| {number} | {name} |" in text, "the list of sections at the top"


def test_what_the_program_says_of_the_profile_is_in_it(root: Path, sources: tuple[Source, ...]) -> None:
    text = (root / "gatt_profile.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", text, re.MULTILINE))
    named = {
        number
        for source in sources
        for place in re.findall(
            r"gatt_profile\.md,? (?:sections? )?((?:\d+(?:\.\d+)?(?:, | and )?)+)[).:,]", source.text
        )
        for number in re.findall(r"\d+(?:\.\d+)?", place)
    }
    assert named
    assert named <= headings


def test_scripts_that_pages_name_exist(root: Path, pages: tuple[Path, ...]) -> None:
    named = {name for page in pages for name in re.findall(r"(?<![\w/])script/\w+", page.read_text(encoding="utf-8"))}
    assert {name for name in named if not (root / name).is_file()} == set()


def test_the_readme_names_the_two_commands(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert "script/demo" in readme
    assert "script/test" in readme


def test_scripts_can_be_executed_and_are_whole(scripts: tuple[Path, ...]) -> None:
    for script in scripts:
        assert os.access(script, os.X_OK), script.name
        shell = script.read_text(encoding="utf-8").splitlines()[0].split("/")[-1].split()[-1]
        ended = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, timeout=20, check=False)
        assert (ended.returncode, ended.stderr) == (0, ""), script.name


def test_every_locked_package_is_exact_and_has_hashes(root: Path) -> None:
    text = (root / "requirements" / "dev.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    loose = [line[:40] for line in lines if not re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]
    assert lines
    assert loose == []


def test_every_dependency_is_locked(root: Path, pyproject) -> None:
    text = (root / "requirements" / "dev.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    groups = [project["dependencies"], *(lines for name, lines in extras.items() if name != "camera")]  # not in tests
    asked = {re.split(r"[^A-Za-z0-9-]", line)[0].lower() for group in groups for line in group} - {"bled"}
    assert asked <= locked
