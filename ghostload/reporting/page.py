"""The frame of an HTML page: head, policy, assets, and the one way in which text gets into markup."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from urllib.parse import urlsplit

from ghostload import __version__
from ghostload.errors import UsageError
from ghostload.reporting.output import MARK

_ENDS_SCRIPT = re.compile(r"</(?=script)|<!--", re.IGNORECASE)


def asset(name: str) -> str:
    """Return the text of a file under ``ghostload/reporting/assets``."""
    return files("ghostload.reporting").joinpath("assets", name).read_text(encoding="utf-8")


def text(value: object) -> str:
    """Return a value as markup-safe text, for element content and for quoted attributes alike."""
    return escape(str(value), quote=True)


def script(code: str) -> str:
    """Return an inline script element; whatever the code holds cannot end it early."""
    return f"<script>\n{_ENDS_SCRIPT.sub(_broken, code)}\n</script>"


def _broken(match: re.Match[str]) -> str:
    """Return the same characters to a script, and nothing of note to an HTML parser."""
    return {"</": r"<\/", "<!--": r"<\!--"}[match.group()]


def data_block(element_id: str, content: str) -> str:
    """Return a block that a browser does not run: JSON or base64 under an element id."""
    safe = content.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return f'<script type="application/json" id="{text(element_id)}">{safe}</script>'


def origin(url: str) -> str:
    """Return scheme and host of an address, for the page's policy.

    Raises
    ------
    UsageError
        It is not an http or https address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or any(c in parts.netloc for c in " ;,'\"{}<>"):
        raise UsageError(
            f"{url!r} is no tile address; give one such as https://tiles.example.org/{{Z}}/{{X}}/{{Y}}.png"
        )
    return f"{parts.scheme}://{parts.netloc}"


def policy(*, scripts: bool, images_from: str = "") -> str:
    """Return a Content-Security-Policy under which the browser itself refuses every outside request.

    Parameters
    ----------
    scripts : bool
        Whether the page's own inline scripts may run.
    images_from : str
        The one origin that pictures may come from, for a base map; empty for none.
    """
    script_source = "'unsafe-inline' 'unsafe-eval'" if scripts else "'none'"
    pictures = " ".join(part for part in ("data:", "blob:", images_from) if part)
    return (
        f"default-src 'none'; script-src {script_source}; style-src 'unsafe-inline'; img-src {pictures}; "
        "base-uri 'none'; form-action 'none'"
    )


def page(*, kind: str, title: str, body: str, styles: tuple[str, ...], content_policy: str) -> str:
    """Return a whole HTML document.

    Parameters
    ----------
    kind : str
        What it is: "map" or "report"; stands in the generator mark.
    title : str
        Unescaped.
    body : str
        Markup, escaped where it needs to be.
    styles : tuple of str
        Names of CSS assets.
    content_policy : str
        From :func:`policy`.
    """
    css = "\n".join(asset(name) for name in styles)
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{MARK}{kind} {__version__}">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{text(content_policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(title)}</title>\n"
        '<link rel="icon" href="data:,">\n'
        f"<style>\n{css}\n</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
