"""What a notebook shows of a value: its sentences and a table, escaped."""

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 60


def html_repr(sentences: Iterable[str], table: "pd.DataFrame") -> str:
    """Return paragraphs and a table as HTML; of a long table, the first and last rows."""
    paragraphs = "".join(f"<p>{html.escape(sentence)}</p>\n" for sentence in sentences)
    return paragraphs + table.to_html(
        index=False, na_rep="", float_format="{:.4f}".format, border=0, max_rows=MAX_ROWS, escape=True
    )
