"""Finding districts by the names that people type."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from ghostload.errors import ConfigError, did_you_mean


def plain(name: str) -> str:
    """Return a name without accents, case and double spaces: ``plain("Santo  Niño") == "santo nino"``."""
    letters = unicodedata.normalize("NFKD", name)
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).casefold().split())


def index_by_name(names: Sequence[str], cities: Sequence[str]) -> dict[str, list[int]]:
    """Map every way to name a district to its indices: "Name" (all that are called so), "Name, City", "Name (City)"."""
    index: dict[str, list[int]] = {}
    for i, (name, city) in enumerate(zip(names, cities, strict=True)):
        keys = {plain(name)}
        if city:
            keys |= {plain(f"{name}, {city}"), plain(f"{name} ({city})")}
        for key in sorted(keys):
            index.setdefault(key, []).append(i)
    return index


def select(wanted: Sequence[str], names: Sequence[str], cities: Sequence[str], where: str) -> list[int]:
    """Return the indices of the wanted districts, ascending.

    Parameters
    ----------
    wanted : sequence of str
        Names as :func:`index_by_name` knows them; a name that several districts bear takes them all.
    where : str
        What is searched, for the message.

    Raises
    ------
    ConfigError
        A name is unknown; the nearest known one is named.
    """
    index = index_by_name(names, cities)
    chosen: set[int] = set()
    for name in wanted:
        if plain(name) not in index:
            raise ConfigError(f'barangays: "{name}" is not in {where}{_nearest(name, names)}')
        chosen.update(index[plain(name)])
    return sorted(chosen)


def all_known(wanted: Sequence[str], names: Sequence[str], cities: Sequence[str]) -> bool:
    """Tell whether each wanted name is the name of a district."""
    index = index_by_name(names, cities)
    return all(plain(name) in index for name in wanted)


def _nearest(name: str, names: Sequence[str]) -> str:
    """Return ``', did you mean X?'``; without a near name, a few of the known ones."""
    spelled: dict[str, str] = {}
    for known in names:
        spelled.setdefault(plain(known), known)
    hint = did_you_mean(plain(name), spelled)
    if hint.endswith("?"):
        near = hint.removeprefix(", did you mean ").removesuffix("?")
        return f", did you mean {spelled[near]}?"
    few = ", ".join(sorted(set(names))[:5])
    return f"; it has {few}{' ...' if len(set(names)) > 5 else ''}"
