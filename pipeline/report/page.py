"""The page: a template that escapes what it is given, with its style and scripts inside.

The page may load nothing and run nothing but its own script and style, whose digests its policy
names: even if a post's words became markup, a browser would not run them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

# They share one scope, the last starts them.
SCRIPTS = ("unpack", "elements", "state", "filters", "looked", "card", "list", "keys", "main")


def render(
    web: Path, values: Mapping[str, Any], data: str, looked: Sequence[str], pictures: Sequence[str]
) -> str:
    """Fill the template.

    Args:
        web: the folder of the template, its style and its scripts.
        values: what the visible part names.
        data: the packed cards (`pipeline.report.cards`).
        looked: the packed chunks (`pipeline.report.looked`).
        pictures: base64 of each JPEG.
    """
    style = (web / "report.css").read_text(encoding="utf-8")
    parts = [(web / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = '\n"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
    environment = Environment(
        loader=FileSystemLoader(web),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("template.html").render(
        values,
        style=Markup(style),
        style_digest=_digest(style),
        script=Markup(script),
        script_digest=_digest(script),
        data=data,
        looked=looked,
        pictures=pictures,
    )


def _digest(content: str) -> str:
    """As a Content-Security-Policy names what it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
