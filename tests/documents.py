"""Small made documents in the forms people keep; papers and abstracts are invented."""

from __future__ import annotations

from triage.formats.checklist import BlockFields, render

YEARLY = render(
    "yearly",
    year=2023,
    blocks=[
        BlockFields(
            title="Prune Early: Token Pruning for Vision-Language Models",
            url="https://example.org/acl/1",
            venue="ACL",
            year=2023,
            type="Token Pruning",
            ticked=True,
            abstract="Vision-language models are slow.\nWe prune visual tokens early and run 2.1x faster.",
        ),
        BlockFields(
            title="A Small Teacher: Distilling Image-Text Encoders",
            url="https://example.org/cvpr/7",
            venue="CVPR",
            year=2023,
            type="Model Distillation",
            ticked=True,
            abstract="We distill a large vision-language model into a compact student with 40% of the parameters.",
        ),
        BlockFields(
            title="Seen but Not Chosen: Adapters for Video-Language Models",
            url="https://example.org/iccv/3",
            venue="ICCV",
            year=2023,
            type="Efficient Adapter",
            abstract="A parameter-efficient adapter for video-language models trains 2% of the weights.",
        ),
    ],
)
# the two irregularities of a file a person keeps: a blank line missing before a heading, an order of one's own
YEARLY_BY_HAND = YEARLY.replace("---\n\n## 2.", "---\n## 2.").replace("example.org/acl/1", "example.org/zzz/1")

VENUE = render(
    "venue",
    venue="ICCV",
    year=2023,
    blocks=[
        BlockFields(
            title="Merge and Go: Visual Token Merging for Fast Vision-Language Models",
            url="https://example.org/iccv/1",
            venue="ICCV",
            year=2023,
            abstract="We merge redundant visual tokens of vision-language models, which halves FLOPs and doubles throughput without retraining.",
        ),
        BlockFields(
            title="Seen but Not Chosen: Adapters for Video-Language Models",
            url="https://example.org/iccv/3",
            venue="ICCV",
            year=2023,
            abstract="A parameter-efficient adapter for video-language models trains 2% of the weights.",
        ),
        BlockFields(
            title="Painting Old Maps",
            url="https://example.org/iccv/9",
            venue="ICCV",
            year=2023,
            abstract="We study how old maps were coloured by hand and publish a gallery of scans.",
        ),
    ],
)

NOTES = """Notes of mine

1. Prune Early: Token Pruning for Vision-Language Models_ACL23

  • Motivation
    • Too many visual tokens.
  • Method (See Fig. 2)
    • Prune before layer 3. 빠르다.
"""

PAGE = """new

Get trending papers in your email inbox!

Daily Papers

byAK and the research community

Jan 7

A Small Teacher: Distilling Image-text Encoders

We distill a large vision-language model into a compact student. The student keeps most of the accuracy of its teacher.

  • 4 authors
·
Mar 2, 2023 5

Quantized Eyes: Low-Bit Vision-Language Models

We quantize vision-language models to four bits after training. Memory falls by 70% and inference is 1.9x faster on a phone.

  • 3 authors
·
May 9, 2024 12
"""
