"""Tables as a terminal or a pipe shows them."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 10_000
_NARROWEST = 24
"""The fewest characters of a line that prose is folded into."""


@dataclass
class TextTable:
    """Rows of texts.  Each text is shown whole, so that it can be copied.

    A table that does not fit a terminal is folded in its columns of `prose`, between words.  If it still does not fit,
    each row is a block of lines, one for each column: its name and its text.
    """

    columns: Sequence[str]
    prose: Collection[str] = ()
    right: Collection[str] = ()
    title: str = ""
    caption: str = ""
    totals: Sequence[str] | None = None
    rows: list[Sequence[str]] = field(default_factory=list)

    def add(self, *texts: str) -> None:
        self.rows.append(texts)

    def print(self) -> None:
        """Print the table on standard output; in a pipe it may be of any width."""
        console = Console(width=None if sys.stdout.isatty() else _WIDE)
        if self._width(folded=False) <= console.width:
            console.print(self._table(()))
        elif self._width(folded=True) <= console.width:
            console.print(self._table(self.prose))
        else:
            self._print_blocks(console)

    def _width(self, folded: bool) -> int:
        lines = [self.columns, *self.rows, *([self.totals] if self.totals else [])]
        widths = [max(map(cell_len, texts)) for texts in zip(*lines, strict=True)]
        if folded:
            widths = [
                min(width, _NARROWEST) if name in self.prose else width
                for name, width in zip(self.columns, widths, strict=True)
            ]
        return sum(widths) + 3 * len(widths) + 1

    def _table(self, folded: Collection[str]) -> Table:
        table = Table(
            title=Text(self.title) if self.title else None,
            title_justify="left",
            caption=self.caption or None,
            show_footer=bool(self.totals),
        )
        for place, name in enumerate(self.columns):
            table.add_column(
                Text(name),
                Text(self.totals[place]) if self.totals else "",
                justify="right" if name in self.right else "left",
                no_wrap=name not in folded,
            )
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def _print_blocks(self, console: Console) -> None:
        blocks = [list(zip(self.columns, row, strict=True)) for row in self.rows]
        if self.totals:
            blocks.append([("totals", ""), *(each for each in zip(self.columns, self.totals, strict=True) if each[1])])
        named = max(map(cell_len, self.columns)) + 2
        lines = [self.title] if self.title else []
        for block in blocks:
            lines += [*(f"{f'{name}:':<{named}}{text}".rstrip() for name, text in block), ""]
        lines += [self.caption] if self.caption else []
        # A line that is longer than the terminal is wide is folded by the terminal, which copies it as one.
        console.print(Text("\n".join(lines)), soft_wrap=True)
