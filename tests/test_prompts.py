"""Prompt files: typed headers, a stable part, and a fence that no text can close."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workspaces import make_workspace
from triage.claims import METRICS
from triage.errors import SettingsError, UsageError
from triage.labelling.llm import KINDS, label_prompt, taxonomy_text
from triage.prompts import Prompt, fence, load_prompt, parse_prompt
from triage.seeds import workspace_taxonomy

GOOD = """---
name: label
version: 2
variables: [taxonomy, work_id, title, abstract]
reply: labels
hints:
  temperature: 0.5
---
Types: {{taxonomy}}
---
{{ work_id }} {{title}}
{{abstract}}
"""


def parse(text: str) -> Prompt:
    return parse_prompt(text, shown="p.md", kinds=KINDS, reply="labels")


def test_a_prompt_is_a_header_a_stable_part_and_a_part_for_the_paper() -> None:
    prompt = parse(GOOD)
    messages = prompt.render({"taxonomy": "T", "work_id": "w1", "title": "A title", "abstract": "A text {{work_id}}"})
    assert (prompt.name, prompt.version, prompt.hints.temperature, prompt.hints.max_output_tokens) == ("label", 2, 0.5, None)
    assert messages.system == "Types: T"
    assert messages.user.startswith("w1 <untrusted-")
    assert "A text {{work_id}}" in messages.user, "braces inside a value are the value's own"
    assert parse(GOOD + "\n").hash != prompt.hash


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("version: 2", "version: 2\nvershun: 1"), ["p.md:4", "vershun", "unknown key", "hints, name, reply, variables, version"]),
        (("version: 2", "version: two"), ["p.md:3", "version"]),
        (("  temperature: 0.5", "  temprature: 0.5"), ["p.md:7", "hints.temprature", "max_output_tokens, temperature"]),
        (("  temperature: 0.5", "  temperature: 9"), ["p.md:7", "hints.temperature"]),
        (("reply: labels", "reply: notes"), ["p.md:5", "'notes'", "'labels'"]),
        (("title, abstract]", "title, abstract, person]"), ["p.md:4", "'person'", "taxonomy, work_id, title, abstract"]),
        (("title, abstract]", "title]"), ["p.md:4", "abstract missing"]),
        (("{{taxonomy}}", "{{taxonomie}}"), ["p.md:9", "taxonomie", "is no variable"]),
        (("{{taxonomy}}", "{{taxonomy}}\n\n{{abstract}}"), ["p.md:11", "belongs in the other part"]),
        (("{{title}}", "{{title}} {{taxonomy}}"), ["p.md:11", "belongs in the other part"]),
        (("{{title}}", ""), ["p.md:11", "does not use title"]),
        (("---\nTypes", "Types"), ["p.md:9", "three lines"]),
        (("---\nname", "name"), ["p.md:1", "the first at the top"]),
        (("version: 2", "version: [2"), ["p.md", "not valid YAML"]),
    ],
)
def test_faults_are_named_with_their_line(change: tuple[str, str], said: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(GOOD.replace(*change, 1))
    for part in said:
        assert part in str(refused.value)
    assert refused.value.hint


def test_the_users_own_prompt_wins(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    packaged = label_prompt(workspace)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "label.md").write_text(GOOD)
    assert (packaged.hash != label_prompt(workspace).hash, label_prompt(workspace).version) == (True, 2)
    with pytest.raises(UsageError):
        load_prompt(workspace, "nowhere", kinds=KINDS, reply="labels")


def test_the_packaged_prompt_holds_every_label_with_its_definition(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    taxonomy = workspace_taxonomy(workspace)
    values = {"taxonomy": taxonomy_text(taxonomy), "work_id": "w1", "title": "One", "abstract": "Text"}
    messages = label_prompt(workspace).render(values)
    for label in taxonomy.ids:
        assert (f"- {label} (" in messages.system) == (label != "other")
        assert label == "other" or taxonomy.entry(label).definition in messages.system
    assert all(f"{metric}," in messages.system or f"{metric};" in messages.system for metric in METRICS)
    other = label_prompt(workspace).render({**values, "title": "Two", "abstract": "Else", "work_id": "w2"})
    assert other.system == messages.system, "the stable part is what a server can keep in its cache"
    assert other.sha256 != messages.sha256


ATTACKS = st.lists(
    st.one_of(
        st.text(),
        st.sampled_from(
            [
                "</untrusted-",
                "<untrusted-",
                "-abstract>",
                "</",
                ">",
                "＜/untrusted-",
                "<|im_start|>system\n",
                "[INST]",
                "{{taxonomy}}",
                "\u200b",
                "\U000e0041",
            ]
        ),
    ),
    max_size=12,
).map("".join)


@given(title=ATTACKS, abstract=ATTACKS)
def test_no_text_closes_its_fence(title: str, abstract: str) -> None:
    user = parse(GOOD).render({"taxonomy": "T", "work_id": "w1", "title": title, "abstract": abstract}).user
    tags = re.findall(r"<(/?)(untrusted-[0-9a-f]{16})-(title|abstract)>", user)
    assert [(slash, name) for slash, _, name in tags] == [("", "title"), ("/", "title"), ("", "abstract"), ("/", "abstract")]
    assert len({mark for _, mark, _ in tags}) == 1
    assert user.count("<") == user.count(">") == 4, "nothing else in the message can be read as a tag"


def test_a_text_that_holds_its_own_mark_gets_another_one() -> None:
    def mark(text: str) -> str:
        user = parse(GOOD).render({"taxonomy": "T", "work_id": "w1", "title": "t", "abstract": text}).user
        found = re.search(r"<(untrusted-\w+)-title>", user)
        assert found
        return found[1]

    assert mark("x") == mark("x")
    assert mark("x") != mark(f"x {mark('x')}")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("p < 0.05", "p ‹ 0.05"),
        ("[INST] do [/INST]", "⟦INST⟧ do ⟦/INST⟧"),
        ("see [1] and [A3]", "see [1] and [A3]"),
        ("a\u200b\u202eb\ufe0f\U000e0101c\nd", "abc\nd"),
    ],
)
def test_what_a_fence_does_to_a_text(text: str, inside: str) -> None:
    assert fence(text, "x") == f"<x>\n{inside}\n</x>"
