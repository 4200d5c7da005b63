"""Reports with plots as one HTML file: inline SVG, no script, nothing loaded from anywhere.

Titles and labels come from outside: in the page they are text and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from triage.evaluation.labels import LabelsReport, ReliabilityBin
from triage.evaluation.screening import ScreeningReport

__all__ = ["labels_page", "screening_page"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Okabe and Ito's: told apart by those who see fewer colours too; lines also differ in their dashes."""
_DASHES = ("none", "7 3", "2 3", "9 3 2 3")
_GREY = "#767676"

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } caption { text-align: left; color: #555 }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd } th:first-child, td:first-child { text-align: left }
svg { max-width: 100%; height: auto } svg text { font: 12px system-ui, sans-serif; fill: #333 }
"""


def _page(title: str, parts: Iterable[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


# ---- plots

Point = tuple[float, float]


class _Plot:
    """A square of axes; data coordinates are shares of each axis, 0..1, from the lower left."""

    left, top, width, height = 60, 16, 460, 300

    def __init__(self, name: str) -> None:
        whole = (self.left + self.width + 190, self.top + self.height + 56)
        self._parts = [f'<svg role="img" viewBox="0 0 {whole[0]} {whole[1]}" width="{whole[0]}"><title>{escape(name)}</title>']

    def place(self, point: Point) -> str:
        return f"{self.left + self.width * point[0]:.1f},{self.top + self.height * (1 - point[1]):.1f}"

    def text(self, point: Point, text: str, *, anchor: str = "start", down: float = 0, right: float = 0, turn: bool = False) -> None:
        x, y = (float(part) for part in self.place(point).split(","))
        turned = f' transform="rotate(-90 {x + right:.1f} {y + down:.1f})"' if turn else ""
        self._parts.append(f'<text x="{x + right:.1f}" y="{y + down:.1f}" text-anchor="{anchor}"{turned}>{escape(text)}</text>')

    def line(self, points: Sequence[Point], colour: str, dash: str = "none", width: float = 2) -> None:
        drawn = " ".join(self.place(point) for point in points)
        self._parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}"/>')

    def dot(self, point: Point, colour: str, size: float, says: str) -> None:
        x, y = self.place(point).split(",")
        self._parts.append(
            f'<circle cx="{x}" cy="{y}" r="{size:.1f}" fill="{colour}" fill-opacity="0.8"><title>{escape(says)}</title></circle>'
        )

    def axes(self, x: Sequence[tuple[float, str]], y: Sequence[tuple[float, str]], x_name: str, y_name: str) -> None:
        for share, label in x:
            self.line([(share, 0), (share, 1)], "#e6e6e6", width=1)
            self.text((share, 0), label, anchor="middle", down=17)
        for share, label in y:
            self.line([(0, share), (1, share)], "#e6e6e6", width=1)
            self.text((0, share), label, anchor="end", right=-7, down=4)
        self.line([(0, 1), (0, 0), (1, 0)], _GREY, width=1)
        self.text((0.5, 0), x_name, anchor="middle", down=40)
        self.text((0, 0.5), y_name, anchor="middle", right=-44, turn=True)

    def key(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """(name, colour, dashes) beside the plot."""
        for number, (name, colour, dash) in enumerate(entries):
            y = 1 - 0.04 - number * 0.08
            self.line([(1.03, y), (1.09, y)], colour, dash)
            self.text((1.1, y), name, down=4)

    def __str__(self) -> str:
        return "".join(self._parts) + "</svg>"


_FIFTHS = [(n / 5, f"{n * 20} %") for n in range(6)]


def _recall_curve(reports: Sequence[tuple[str, ScreeningReport]]) -> str:
    """Chosen papers found by papers read, on a logarithmic scale: the first hundred matter most."""
    plot = _Plot("Share of the chosen papers found, by papers read")
    papers = max(report.n for _, report in reports)
    scale = math.log(max(papers, 2))
    ticks = [k for k in (1, 3, 10, 32, 100, 320, 1000, 3200, 10_000, 32_000, 100_000) if k <= papers]
    plot.axes([(math.log(k) / scale, str(k)) for k in ticks], _FIFTHS, "papers read", "chosen papers found")
    key = []
    for number, (name, report) in enumerate(reports):
        colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
        points: list[Point] = [(0.0, 0.0)]
        for found, rank in enumerate(report.ranks, 1):
            share = math.log(rank) / scale
            points += [(share, points[-1][1]), (share, found / report.positives)]
        plot.line([*points, (1.0, points[-1][1])], colour, dash)
        key.append((name, colour, dash))
    first = reports[0][1]
    if first.positives:
        read = [1, *(k for k in (int(k) for k in first.word_filter.recall_at) if k <= first.n)]
        expected = [(math.log(k) / scale, first.word_filter.recall_at.get(str(k), 0.0) / first.positives) for k in read]
        plot.line(expected, _GREY, "2 3", width=1.5)
        key.append(("word filter, any order", _GREY, "2 3"))
    plot.key(key)
    return str(plot)


def screening_page(reports: Sequence[tuple[str, ScreeningReport]], notes: Sequence[str] = ()) -> str:
    """One or more rankings of the same papers: (name, report) each; `notes` are sentences below the figures."""
    first = reports[0][1]
    parts = [f"<p>{first.positives} chosen of {first.n} papers.</p>", _recall_curve(reports)]
    for name, report in reports:
        rows = [
            (k, found, f"{report.intervals[k][0]:.2f} to {report.intervals[k][1]:.2f}", f"{report.word_filter.recall_at[k]:g}")
            for k, found in report.recall_at.items()
        ]
        parts.append(f"<h2>{escape(name)}</h2>")
        parts.append(_table("Found among the first", ("read", "found", "95 % interval of the share", "by the word filter"), rows))
        parts.append(
            f"<p>95 % found after {report.read_for_95} read, work saved {report.work_saved:.3f}, area under the curve {report.area:.4f}.</p>"
        )
        if report.late:
            parts.append(_table("Chosen papers behind the first 100", ("title", "rank"), [(title, rank) for rank, title in report.late]))
    parts += [f"<p>{escape(note)}</p>" for note in notes]
    return _page("How well the screening finds what was chosen", parts)


def _reliability(rows: Sequence[tuple[str, Sequence[ReliabilityBin]]]) -> str:
    plot = _Plot("Share of right labels by confidence")
    plot.axes(_FIFTHS, _FIFTHS, "confidence", "labels that are right")
    plot.line([(0, 0), (1, 1)], _GREY, "2 3", width=1)
    key = [("what it should be", _GREY, "2 3")]
    for number, (name, bins) in enumerate(rows):
        colour, dash = _COLOURS[number], _DASHES[number]
        plot.line([(one.confidence, one.right) for one in bins], colour, dash)
        for one in bins:
            says = f"{one.labels} labels, confidence {one.confidence:.2f}, right {one.right:.2f}"
            plot.dot((one.confidence, one.right), colour, 2 + math.sqrt(one.labels) / 2, says)
        key.append((name, colour, dash))
    plot.key(key)
    return str(plot)


_CELL = 24


def _confusion(report: LabelsReport) -> str:
    """The person's labels down, the machine's across; the darker, the larger the share of the row."""
    counts = {(one, other): count for one, other, count in report.confusion}
    names = [*report.per_label, ""]
    rows = {one: sum(counts.get((one, other), 0) for other in names) for one in names}
    margin = 8 + 7 * max(len(_named(name)) for name in names)
    size = margin + _CELL * len(names) + 8
    parts = [
        f'<svg role="img" viewBox="0 0 {size} {size}" width="{size}"><title>Labels of the person (down) and of the machine (across)</title>'
    ]
    for r, one in enumerate(names):
        middle = margin + _CELL * r + _CELL / 2
        parts.append(f'<text x="{margin - 6}" y="{middle + 4}" text-anchor="end">{escape(_named(one))}</text>')
        parts.append(
            f'<text x="{middle + 4}" y="{margin - 6}" transform="rotate(-90 {middle + 4} {margin - 6})">{escape(_named(one))}</text>'
        )
        for c, other in enumerate(names):
            count = counts.get((one, other), 0)
            share = count / rows[one] if rows[one] else 0.0
            x, y, colour = margin + _CELL * c, margin + _CELL * r, _COLOURS[0] if one == other else _COLOURS[1]
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{colour}" fill-opacity="{share:.2f}" stroke="#ddd">'
                f"<title>{escape(_named(one))} by the person, {escape(_named(other))} by the machine: {count}</title></rect>"
            )
            if count:
                white = ' style="fill:#fff"' if share > 0.55 else ""
                parts.append(f'<text x="{x + _CELL / 2}" y="{y + 16}" text-anchor="middle"{white}>{count}</text>')
    return "".join(parts) + "</svg>"


def _named(label: str) -> str:
    return label or "none"


def labels_page(reports: Sequence[tuple[str, LabelsReport]]) -> str:
    """One or more labellings of the same papers: (name, report) each."""
    parts = []
    for name, report in reports:
        if name:
            parts.append(f"<h2>{escape(name)}</h2>")
        (low, high), (least, most) = report.intervals["micro_f1"], report.intervals["macro_f1"]
        parts.append(
            f"<p>{report.n} papers, {report.level} labels. Micro-F1 {report.micro_f1:.3f} ({low:.2f} to {high:.2f}), macro-F1"
            f" {report.macro_f1:.3f} ({least:.2f} to {most:.2f}), whole set right {report.exact:.3f}, kappa {report.kappa:.3f}.</p>"
        )
        rows = [
            (label, one.papers, one.given, one.right, _share(one.precision), _share(one.recall), _share(one.f1))
            for label, one in report.per_label.items()
        ]
        parts.append(_table("Label by label", ("label", "papers", "given", "right", "precision", "recall", "F1"), rows))
        parts.append("<h2>Which label for which</h2><p>The person's labels down, the machine's across.</p>")
        parts.append(_confusion(report))
        parts.append("<h2>What confidence means</h2>")
        parts.append(_reliability([("as given", report.reliability), ("calibrated", report.reliability_calibrated)]))
        parts.append(
            f"<p>Off by {report.calibration_error:.3f} on average as given, by {report.calibration_error_calibrated:.3f}"
            " when calibrated on other papers.</p>"
        )
    return _page("How well the labels agree with a person's", parts)
