"""The documents of the live page: its HTML with script and style, and Plotly as a file that a browser keeps."""

import base64
import gzip
import hashlib
import shlex
from importlib.resources import files
from pathlib import Path
from string import Template

from mnist_sweep.reports.html import content_security_policy, resource
from mnist_sweep.reports.markup import join

SCRIPTS = ("format", "charts", "details", "live")


class Page:
    """The documents of the live page of a results folder.

    Attributes:
        html: The page.
        plotly: The script of Plotly, compressed by gzip.
        plotly_name: Its name in an address; another version has another.
        policy: The Content-Security-Policy: these scripts, no others, and no other host.
    """

    def __init__(self, folder: Path) -> None:
        from plotly.offline import get_plotlyjs

        plotly, own = get_plotlyjs(), files("mnist_sweep.watch")
        digest = hashlib.sha256(plotly.encode()).digest()
        script = resource("tables.js") + resource("plots.js")
        script += "".join(own.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
        self.plotly, self.plotly_name = gzip.compress(plotly.encode(), mtime=0), f"plotly-{digest.hex()[:12]}.js"
        self.html = Template(own.joinpath("live.html").read_text(encoding="utf-8")).substitute(
            title=join([folder.resolve().name]),
            folder=join([str(folder)]),
            quoted=join([shlex.quote(str(folder))]),
            style=resource("style.css") + own.joinpath("live.css").read_text(encoding="utf-8"),
            plotly_name=self.plotly_name,
            integrity=f"sha256-{base64.b64encode(digest).decode()}",
            script=script,
        )
        policy = content_security_policy([script, plotly])
        self.policy = f"{policy}; connect-src 'self'; frame-ancestors 'none'"
