"""Full texts of papers: what stands in an arXiv page or a PDF, and which parts of it a note may quote. Pure.

text = read_html(body, "https://arxiv.org/html/2305.17530")
text.figures[0].number, text.figures[0].url
text.parts                     # beginning, method, experiments, captions: bounded
"""

from __future__ import annotations

from triage.fulltext.html import read_html
from triage.fulltext.model import Figure, FullText
from triage.fulltext.pdf import can_read_pdf, read_pdf

__all__ = ["Figure", "FullText", "can_read_pdf", "read_html", "read_pdf"]
