"""Bar charts as SVG: some groups of bars, on a scale of powers of ten, legible on light and dark pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

_COLOURS = ("#4a6fa5", "#b9802d", "#7a4f9a", "#5b8c5a")
_WIDTH, _LEFT, _RIGHT, _TOP = 900, 230, 80, 64
_BAR, _GAP = 16, 12


@dataclass(frozen=True)
class Bars:
    """For each group, a value for each series that has one there; a bar begins at the scale's smallest power of ten."""

    title: str
    unit: str
    groups: Mapping[str, Mapping[str, float]]

    def svg(self) -> str:
        series = list(dict.fromkeys(name for bars in self.groups.values() for name in bars))
        colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(series)}
        height = _TOP + sum(len(bars) * _BAR + _GAP for bars in self.groups.values()) + 24
        parts = [*self._head(height), *self._legend(colours), *self._grid(height)]
        y = _TOP
        for group, bars in self.groups.items():
            parts.append(
                f'<text x="{_LEFT - 8}" y="{y + len(bars) * _BAR / 2 + 4:.0f}" text-anchor="end">{escape(group)}</text>'
            )
            for name, value in bars.items():
                x = self._x(value)
                bar = f'x="{_LEFT}" y="{y + 1}" width="{x - _LEFT:.1f}" height="{_BAR - 2}"'
                parts.append(f'<rect {bar} fill="{colours[name]}"/>')
                parts.append(f'<text x="{x + 4:.1f}" y="{y + _BAR - 4}" font-size="11">{_printed(value)}</text>')
                y += _BAR
            y += _GAP
        return "\n".join([*parts, "</svg>", ""])

    @property
    def _powers(self) -> tuple[int, int]:
        values = [value for bars in self.groups.values() for value in bars.values()]
        return floor(log10(min(values))), max(ceil(log10(max(values))), floor(log10(min(values))) + 1)

    def _x(self, value: float) -> float:
        low, high = self._powers
        return _LEFT + (log10(value) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def _head(self, height: int) -> list[str]:
        label = escape(f"{self.title}, {self.unit}")
        return [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="Helvetica, Arial, '
            f'sans-serif" font-size="13" role="img" aria-label="{label}">',
            "<style>text { fill: #222 } .grid { stroke: #ccc } .page { fill: #fff } "
            "@media (prefers-color-scheme: dark) "
            "{ text { fill: #ddd } .grid { stroke: #555 } .page { fill: #16191d } }</style>",
            f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
            f'<text x="12" y="22" font-size="15">{label}</text>',
        ]

    def _legend(self, colours: Mapping[str, str]) -> list[str]:
        parts, x = [], 12
        for name, colour in colours.items():
            parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>')
            parts.append(f'<text x="{x + 18}" y="45">{escape(name)}</text>')
            x += 40 + 8 * len(name)
        return parts

    def _grid(self, height: int) -> list[str]:
        parts = []
        for power in range(self._powers[0], self._powers[1] + 1):
            x = self._x(10.0**power)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 20}"/>')
            parts.append(
                f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle" font-size="11">{_printed(10.0**power)}</text>'
            )
        return parts


def _printed(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
