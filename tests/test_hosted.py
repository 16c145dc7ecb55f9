"""What runs on a hosted service is what runs by hand: the same make commands, on every Python that is supported."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
HOSTED = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def commands(job: str) -> list[str]:
    return [step["run"] for step in HOSTED["jobs"][job]["steps"] if "run" in step]


def test_every_make_command_is_one_of_the_makefile():
    called = [command for job in HOSTED["jobs"] for command in commands(job) if command.startswith("make ")]
    assert called == ["make lint", "make test", "make docs", "make wheel"]
    targets = set(re.findall(r"^([a-z0-9]+):", MAKEFILE, flags=re.M))
    assert {command.split()[1] for command in called} <= targets


def test_all_supported_pythons_are_tested():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    supported = [one.rpartition(" ")[2] for one in settings["project"]["classifiers"] if ":: 3." in one]
    assert HOSTED["jobs"]["test"]["strategy"]["matrix"]["python-version"] == supported


def test_templates_are_forms_that_can_be_filled_in():
    paths = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    forms = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths if path.stem != "config"]
    assert len(forms) == 3
    for form in forms:
        assert form["name"]
        assert form["description"]
        identities = [field["id"] for field in form["body"]]
        assert len(identities) == len(set(identities)) > 0


def test_the_citation_has_the_software_and_the_paper():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert cited["license"] == "MIT"
    (paper,) = cited["references"]
    assert paper["title"] == "Why Random Pruning Is All We Need to Start Sparse"
    assert [one["family-names"] for one in paper["authors"]] == ["Gadhikar", "Mukherjee", "Burkholz"]
    assert (paper["start"], paper["end"], paper["volume"]) == (10542, 10570, 202)
