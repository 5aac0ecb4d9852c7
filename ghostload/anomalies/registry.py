"""The registry of kinds, open to other packages through the entry point group ``ghostload.anomalies``."""

from __future__ import annotations

from typing import TypeVar

from ghostload.anomalies.base import AnomalyKind, Channel, Family
from ghostload.anomalies.events import MAX_PARAMETERS
from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.errors import RegistrationError
from ghostload.registry import Registry

KINDS: Registry[AnomalyKind] = Registry(
    "anomaly kind", builtin=("ghostload.anomalies.kinds",), entry_point_group="ghostload.anomalies"
)

K = TypeVar("K", bound=type[AnomalyKind])


def register(kind: K) -> K:
    """Class decorator: register a kind under its name.

    Raises
    ------
    RegistrationError
        When the name is taken or the class does not say what it is.
    """
    where = f"{kind.__module__}.{kind.__qualname__}"
    for attribute, sort in (("name", str), ("family", Family), ("channel", Channel)):
        if not isinstance(getattr(kind, attribute, None), sort):
            raise RegistrationError(f"{where}: set {attribute} to a {sort.__name__}")
    if not kind.name.isidentifier():
        raise RegistrationError(f"{where}: name {kind.name!r} is no identifier; use letters, digits and _")
    method = kind.channel.value
    if getattr(kind, method) is getattr(AnomalyKind, method):
        raise RegistrationError(f"{where}: channel is {method}, so override the method {method}")
    if len(kind.parameters) > MAX_PARAMETERS:
        raise RegistrationError(f"{where}: has {len(kind.parameters)} parameters, may have {MAX_PARAMETERS}")
    unknown = set(kind.classes) - set(CUSTOMER_CLASSES)
    if unknown or not kind.classes:
        raise RegistrationError(f"{where}: classes {kind.classes} must be among {', '.join(CUSTOMER_CLASSES)}")
    KINDS.add(kind.name, kind())
    return kind
