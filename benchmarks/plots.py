"""Plot the results as SVG bar and line charts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil, log10
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.deployment import COLUMNS, PARTS
from benchmarks.measuring import MANY, Figures

_COLOURS = {
    "gateway": "#4c78a8",
    "auth": "#b279a2",
    "social": "#72b7b2",
    "chat": "#f58518",
    "database": "#9d9d9d",
    "redis": "#d62728",
}
_LINES = dict(zip(COLUMNS, ("#f58518", "#4c78a8"), strict=True))
_WIDTH, _LEFT, _ROW, _BAR = 820, 190, 22, 15
_PANEL, _PANEL_HEIGHT, _MARGIN = 400, 260, 48

Point = tuple[float, float]


def plot_costs(figures: Sequence[Figures], path: Path) -> None:
    """Bars: what each scenario takes of which part, at the higher number of clients."""
    shown = [f for f in figures if f.clients == MANY and f.column == figures[-1].column]
    cheap = [f for f in shown if sum(f.h.values()) < 60]
    longest = ceil(max(sum(f.h.values()) for f in cheap) / 5) * 5
    scale = (_WIDTH - _LEFT - 60) / longest
    height = _ROW * len(cheap) + 80
    lines = [_text(10, 22, f"Processor time per request in H, {shown[0].column}", weight="bold")]
    lines += _legend(_COLOURS, 44)
    for h in range(0, longest + 1, 5):
        x = _LEFT + h * scale
        lines.append(_line((x, 56), (x, height - 18), "#e5e5e5"))
        lines.append(_text(x, height - 4, f"{h}", anchor="middle"))
    for row, each in enumerate(cheap):
        x, y = float(_LEFT), 62 + row * _ROW
        lines.append(_text(_LEFT - 8, y + 12, _name(each), anchor="end"))
        for part in PARTS:
            width = each.h[part] * scale
            lines.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" '
                f'fill="{_COLOURS[part]}"/>'
            )
            x += width
        lines.append(_text(x + 5, y + 12, f"{sum(each.h.values()):.1f}"))
    _write(path, _WIDTH, height, lines)


def plot_growth(figures: Sequence[Figures], path: Path) -> None:
    """Lines: how the application's cost grows with each size, by column."""
    shown = [f for f in figures if f.clients == MANY and f.size is not None]
    names = list(dict.fromkeys(f.name for f in shown))
    lines = [_text(10, 22, "Application, H per request, by size (16 clients)", weight="bold")]
    lines += _legend(_LINES, 44)
    for number, name in enumerate(names):
        here = [f for f in shown if f.name == name and f.size]
        curves = {
            colour: [(log10(f.size or 1), f.application_h) for f in here if f.column == column]
            for column, colour in _LINES.items()
        }
        ticks = {log10(f.size or 1): f"{f.size:,}" for f in here}
        lines += _panel(name, curves, ticks, number % 2 * _PANEL, 60 + number // 2 * _PANEL_HEIGHT)
    _write(path, 2 * _PANEL, 60 + ceil(len(names) / 2) * _PANEL_HEIGHT, lines)


def plot_soak(samples: Mapping[str, Sequence[Mapping[str, float]]], path: Path) -> None:
    """Lines: how much of what the worker of each program holds, minute by minute."""
    first = next(iter(samples.values()))
    quantities = [name for name in first[0] if name != "minute"]
    last = max(1, round(first[-1]["minute"]))
    ticks = {float(minute): f"{minute}" for minute in range(0, last + 1, ceil(last / 10))}
    lines = [_text(10, 22, "What a worker holds under load, by minute", weight="bold")]
    lines += _legend({name: _COLOURS[name] for name in samples}, 44)
    for number, quantity in enumerate(quantities):
        curves = {
            _COLOURS[name]: [(sample["minute"], sample[quantity]) for sample in series]
            for name, series in samples.items()
        }
        lines += _panel(quantity, curves, ticks, number % 2 * _PANEL, 60)
    _write(path, 2 * _PANEL, 60 + _PANEL_HEIGHT, lines)


def _panel(
    name: str,
    curves: Mapping[str, Sequence[Point]],
    ticks: Mapping[float, str],
    left: int,
    top: int,
) -> Iterator[str]:
    """Curves by their colours, over a floor of zero."""
    most = max(y for points in curves.values() for _, y in points) * 1.15
    x_of = _scale(min(ticks), max(ticks), left + _MARGIN, left + _PANEL - 30)
    y_of = _scale(0, most, top + _PANEL_HEIGHT - 40, top + 24)
    yield _text(left + _MARGIN, top + 12, name, weight="bold")
    for step in range(5):
        height = most * step / 4
        yield _line((left + _MARGIN, y_of(height)), (left + _PANEL - 30, y_of(height)), "#e5e5e5")
        yield _text(left + _MARGIN - 6, y_of(height) + 4, f"{height:.0f}", anchor="end")
    for place, label in ticks.items():
        yield _text(x_of(place), top + _PANEL_HEIGHT - 22, label, anchor="middle")
    for colour, points in curves.items():
        drawn = [(x_of(x), y_of(y)) for x, y in points]
        for one, other in pairwise(drawn):
            yield _line(one, other, colour, width=2)
        for x, y in drawn:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>'


def _scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    return lambda value: first + (value - low) / (high - low) * (last - first)


def _legend(colours: dict[str, str], y: int) -> Iterator[str]:
    for number, (name, colour) in enumerate(colours.items()):
        x = 10 + number * 90
        yield f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{colour}"/>'
        yield _text(x + 16, y, name)


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def _line(start: Point, end: Point, colour: str, width: int = 1) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _name(figures: Figures) -> str:
    return figures.name if figures.size is None else f"{figures.name}, {figures.size:,}"


def _write(path: Path, width: int, height: int, lines: Sequence[str]) -> None:
    style = "font-family: system-ui, sans-serif; font-size: 12px; fill: #222"
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">\n<rect width="100%" height="100%" fill="white"/>\n'
        f'<g style="{style}">\n' + "\n".join(lines) + "\n</g>\n</svg>\n"
    )
