import base64
import gzip
import hashlib
import re
from pathlib import Path

from mnist_sweep.watch.page import Page


def digest(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


def test_the_policy_names_exactly_the_scripts_of_the_page(tmp_path: Path) -> None:
    page = Page(tmp_path)
    scripts = [found.encode() for found in re.findall(r"<script>(.*?)</script>", page.html, re.DOTALL)]
    plotly = gzip.decompress(page.plotly)
    allowed = dict(part.split(" ", 1) for part in page.policy.split("; "))["script-src"].split()
    assert sorted(allowed) == sorted(map(digest, [*scripts, plotly]))
    assert f'integrity="{digest(plotly)[1:-1]}"' in page.html


def test_the_name_of_the_folder_is_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    assert "<img" not in Page(folder).html
