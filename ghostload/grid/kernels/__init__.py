"""Solvers on plain arrays: nothing here knows components; numba is loaded by the modules that need it, not here."""
