"""Results written all at once, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from ghostload.errors import OutputError


def write_files(directory: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write text files into a folder, each under a hidden name first; all are renamed when all are written.

    Raises
    ------
    OutputError
        The folder cannot be made or written to; the files that were there are as before.
    """
    targets = {directory / name: directory / f".{name}.{os.getpid()}.partial" for name in texts}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for text, partial in zip(texts.values(), targets.values(), strict=True):
            partial.write_bytes(text.encode("utf-8"))
        for target, partial in targets.items():
            partial.replace(target)
    except OSError as error:
        for partial in targets.values():
            with contextlib.suppress(OSError):
                partial.unlink()
        reason = error.strerror or str(error)
        raise OutputError(f"{directory}: cannot be written ({reason}); choose another folder") from error
    return tuple(targets)
