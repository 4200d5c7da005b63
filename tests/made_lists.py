"""Made checkbox lists, and strategies for every text a source or a person can put into one."""

from __future__ import annotations

from hypothesis import strategies as st

from triage.formats.checklist import BlockFields, Kind
from triage.text import clean_abstract, clean_line, clean_url

KINDS: tuple[Kind, ...] = ("yearly", "venue")

ALPHA = BlockFields(
    title="Pruned Owls See Further",
    url="https://papers.example.org/aaai/101",
    venue="AAAI",
    year=2023,
    type="Owl Pruning",
    ticked=True,
    abstract="Owls keep  few tokens (<30% of them),\nand $\\alpha < 2$ suffices.",
)
BETA = BlockFields(
    title="Quiet Teachers",
    url="https://papers.example.org/icml/7",
    venue="ICML",
    year=2023,
    why='0.81 · compression/distillation · "a quiet teacher" · lexical',
    abstract="A teacher speaks once.",
)
GAMMA = BlockFields(title="No Link at All", venue="NeurIPS", year=2023, abstract="Nobody put it online.")

CANONICAL = """\
# 2023 Papers

> ☐ 勾选论文后，可用脚本导出 selected_2023_papers.csv

## 1. Pruned Owls See Further

- [x] Pruned Owls See Further | https://papers.example.org/aaai/101

- **Link**: https://papers.example.org/aaai/101

- **Conference**: AAAI

- **Year**: 2023

- **Type**: Owl Pruning

<details>
<summary><strong>Abstract</strong></summary>

Owls keep  few tokens (<30% of them),
and $\\alpha < 2$ suffices.

</details>

---

## 2. Quiet Teachers

- [ ] Quiet Teachers | https://papers.example.org/icml/7

- **Link**: https://papers.example.org/icml/7

- **Conference**: ICML

- **Year**: 2023

- **Type**:

> why: 0.81 · compression/distillation · "a quiet teacher" · lexical

<details>
<summary><strong>Abstract</strong></summary>

A teacher speaks once.

</details>

---

## 3. No Link at All

- [ ] No Link at All

- **Conference**: NeurIPS

- **Year**: 2023

- **Type**:

<details>
<summary><strong>Abstract</strong></summary>

Nobody put it online.

</details>

---
"""

SMALL = """\
# 2023 Papers

> ☐ 勾选论文后，可用脚本导出 selected_2023_papers.csv

## 1. Second by Link

- [x] Second by Link | https://papers.example.org/9

- **Link**: https://papers.example.org/9

- **Conference**: ICCV

- **Year**: 2023

- **Type**: Owl Distiling

<details>
<summary><strong>Abstract</strong></summary>

One.

</details>

---
## 2. First by Link

- [ ] First by Link | https://papers.example.org/10

- **Link**: https://papers.example.org/10

- **Conference**: ICCV

- **Year**: 2023

- **Type**: Dinamic Hopping

<details>
<summary><strong>Abstract</strong></summary>

Two.

</details>

---
"""


NASTY = [
    *("## 2. Another", "##2. x", "# 2024 Papers", "- [x] Taken | https://a.example/b", "- [ ]", "* [X] y", "+ [] z"),
    *("- **Link**: https://a.example/c", "- **Type**: Free", "* **Year**: 1", "- **Conference:** X", "> why: because", "> ☐ export"),
    *(
        "</details>",
        "<details>",
        "<details open>",
        "<summary>s</summary>",
        "</DETAILS >",
        "mid </details> line",
        "<!--",
        "-->",
        "<?x",
        "<![CDATA[",
    ),
    *("<script>alert(1)</script>", "<img src=x onerror=y>", "a <b", "<b", "</p", "$x<y$", "<30%", "<https://a.example/d>", "<a.example/e>"),
    *("---", "- - -", "***", "___", "===", "-", "=", "<<<<<<< HEAD", "=======", ">>>>>>> theirs", "||||||| base"),
    *("```", "~~~", "```python", "`", "\\", "\\\\", "\\<b>", "\\\\</details>", "\\## 1. x", "\\\\---", "\\|", "\\```"),
    *(
        " | ",
        "|",
        " | https://a.example/f",
        "| www.a.example/g",
        "\\| https://a.example/h",
        "https://a.example/i",
        "|a.example/j",
        " | <https://k.example/l>",
    ),
    *(
        "\n",
        "\n\n",
        "\n\n\n",
        "    ",
        "\t",
        "  ",
        "\r\n",
        "\r",
        "\x85",
        "\u2028",
        "\u00a0",
        "\u3000",
        "\ufeff",
        "\x0c",
        "\x1c",
        "\u200d",
        "\u202e",
    ),
    *("1. ", "12) ", "[x](y)", "：", "☐", "é", "e\u0301", "纸", "𝒳", "&lt;/details&gt;", "&amp;", "# ", "#", "Papers", "Abstract"),
]
RAW = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=8).map("".join)
LINES = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=8).map("\n".join)
LINE = RAW.map(clean_line)
LINK = st.one_of(
    st.none(),
    st.sampled_from(
        ["https://papers.example.org/1", "http://a.example/b|c", "HTTPS://EXAMPLE.org/?q=<b>&r=\\", "https://é.example/纸 #x"]
    ).map(clean_url),
    RAW.map(lambda path: clean_url(f"https://a.example/{path}")),
)
FIELDS = st.builds(
    BlockFields,
    title=LINE,
    url=LINK,
    venue=LINE,
    year=st.one_of(st.none(), st.integers(0, 9999)),
    type=LINE,
    why=LINE,
    ticked=st.booleans(),
    abstract=st.one_of(RAW, LINES).map(clean_abstract),
)
BLOCKS = st.lists(FIELDS, max_size=4)


def with_ends(text: str, ends: str) -> str:
    return text.replace("\n", ends)
