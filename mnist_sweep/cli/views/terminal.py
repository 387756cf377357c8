"""A console that shows text from results as text.

Names and values in a results folder may hold sequences that control a terminal, or reorder what stands in a line.
"""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from mnist_sweep.text.lines import printable


class Terminal(Console):
    """A console that escapes non-printable characters in whatever it is given."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable; only Rich's own styles and controls reach the terminal."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield segment._replace(text="\n".join(map(printable, segment.text.split("\n"))))
