"""Detectors from elsewhere: PyOD by name, and any class by its import path."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np

from ghostload.detection.detector import Detector, DetectorSpec
from ghostload.detection.generators import known_global_generators
from ghostload.errors import RegistrationError, did_you_mean
from ghostload.streams import FloatArray, IntArray

PYOD = "pyod"


def external_detector(name: str) -> DetectorSpec:
    """Return the detector of ``pyod:IForest``, or of the import path ``package.module:Class``.

    A class says what it is with two optional class attributes: ``supervised`` (False when not given) and ``features``
    ("normalised" when not given). scikit-learn's classifiers are supervised, and its outlier detectors give lower
    scores to more abnormal rows: both are recognised by their mixin, and the sign is turned.

    Raises
    ------
    RegistrationError
        The module or class is not there, or it has no ``fit`` or no scores.
    """
    module_name, _, class_name = name.partition(":")
    if module_name == PYOD:
        factory = _pyod_class(name, class_name)
    else:
        factory = _attribute(name, _module(name, module_name), class_name)
    if not callable(factory):
        raise RegistrationError(f"detector {name!r}: is no class; give package.module:Class")
    mixins = {base.__name__ for base in getattr(factory, "__mro__", ()) if base.__module__.startswith("sklearn.")}
    supervised = bool(getattr(factory, "supervised", "ClassifierMixin" in mixins))
    sign = -1.0 if "OutlierMixin" in mixins else 1.0
    _check_methods(name, factory)
    return DetectorSpec(
        name,
        (getattr(factory, "__doc__", "") or "").strip().partition("\n")[0] or class_name,
        lambda state: External(name, factory, state, sign),
        features=str(getattr(factory, "features", "normalised")),
        supervised=supervised,
    )


class External:
    """A class of foreign make behind our contract.

    It may draw from the global random generators: they are seeded for it, and put back as they were.

    Parameters
    ----------
    name : str
        For messages.
    factory : callable
        The class. Gets ``random_state`` when it takes one.
    random_state : int
    sign : float
        -1 where lower scores are more abnormal.
    """

    def __init__(self, name: str, factory: Callable[..., Any], random_state: int, sign: float) -> None:
        self.name, self.factory, self.random_state, self.sign = name, factory, random_state, sign

    def fit(self, X: FloatArray, y: IntArray | None = None) -> Detector:
        """Build the object and fit it."""
        with known_global_generators(self.random_state):
            takes_state = "random_state" in _parameters(self.factory)
            self._object: Any = self.factory(random_state=self.random_state) if takes_state else self.factory()
            if y is None:
                self._object.fit(X)
            else:
                self._object.fit(X, y)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) scores, the higher the more suspicious."""
        with known_global_generators(self.random_state):
            if hasattr(self._object, "decision_function"):
                scores = self._object.decision_function(X)
            else:
                scores = self._object.predict_proba(X)[:, 1]
        return self.sign * np.asarray(scores, dtype=np.float64)


def _pyod_class(name: str, class_name: str) -> Any:
    """Find a PyOD class: ``IForest`` lives in ``models.iforest``, ``AutoEncoder`` in ``models.auto_encoder``."""
    try:
        import_module(PYOD)
    except ModuleNotFoundError:
        raise RegistrationError(f'detector {name!r}: PyOD is not installed; pip install "ghostload[pyod]"') from None
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", class_name).lower()
    for module_name in (f"pyod.models.{class_name.lower()}", f"pyod.models.{snake}"):
        try:
            return _attribute(name, import_module(module_name), class_name)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                raise RegistrationError(f"detector {name!r}: needs {error.name}, which is not installed") from None
    raise RegistrationError(f"detector {name!r}: PyOD has no such model; give a class name such as pyod:IForest")


def _module(name: str, module_name: str) -> Any:
    try:
        return import_module(module_name)
    except ImportError as error:
        raise RegistrationError(f"detector {name!r}: cannot import {module_name} ({error})") from None
    except ValueError:
        raise RegistrationError(f"detector {name!r}: is no import path; give package.module:Class") from None


def _attribute(name: str, module: Any, class_name: str) -> Any:
    if not hasattr(module, class_name):
        public = [known for known in vars(module) if not known.startswith("_")]
        hint = did_you_mean(class_name, public) if class_name and len(public) < 200 else ""
        raise RegistrationError(f"detector {name!r}: {module.__name__} has no {class_name!r}{hint}")
    return getattr(module, class_name)


def _check_methods(name: str, factory: Any) -> None:
    """Refuse a class that cannot keep the contract; a function that builds one is believed."""
    if isinstance(factory, type) and not hasattr(factory, "fit"):
        raise RegistrationError(f"detector {name!r}: has no fit(X, y=None)")
    if isinstance(factory, type) and not any(hasattr(factory, way) for way in ("decision_function", "predict_proba")):
        raise RegistrationError(f"detector {name!r}: has no decision_function(X)")


def _parameters(factory: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(signature(factory).parameters)
