"""Registering checks, and running those that fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from ghostload.dataset import Dataset
from ghostload.errors import RegistrationError
from ghostload.validation import (
    CHECKS,
    CannotRun,
    Context,
    Finding,
    Severity,
    error,
    register,
    validate,
    validate_folder,
)


@pytest.fixture
def clean_registry() -> Iterator[None]:
    before = set(CHECKS.names())
    yield
    for name in set(CHECKS.names()) - before:
        CHECKS.remove(name)


@pytest.mark.usefixtures("clean_registry")
def test_a_check_of_another_package_runs_with_the_others(sound: Dataset) -> None:
    @register(subject="own", severities=(Severity.WARNING,))
    def no_meters_at_all(context: Context) -> Iterable[Finding]:
        """Check that there is no meter.

        A joke.
        """
        yield error(f"{context.num_meters} meters", "take them away", table="meters")

    assert CHECKS.get("no_meters_at_all").summary == "There is no meter."
    report = validate(sound)
    assert [f.message for f in report.by_check("no_meters_at_all")] == ["480 meters"]
    assert not report.ok


@pytest.mark.usefixtures("clean_registry")
def test_a_check_that_crashes_is_an_error_finding_and_hides_no_other(sound: Dataset) -> None:
    @register(subject="own")
    def crashes(context: Context) -> Iterable[Finding]:
        """Check nothing."""
        yield error("seen before the crash", "none")
        raise ZeroDivisionError(f"of {context.num_meters}\nmeters")

    (finding,) = validate(sound, checks=["unique_ids", "crashes"]).findings
    assert finding.check == "crashes"
    assert finding.severity is Severity.ERROR
    assert finding.message == "could not run: ZeroDivisionError: of 480 meters"


@pytest.mark.usefixtures("clean_registry")
def test_a_check_may_say_why_it_cannot_run(sound: Dataset) -> None:
    @register(subject="own")
    def needs_weather(context: Context) -> Iterable[Finding]:
        """Check the weather."""
        raise CannotRun("there is no weather", "add it", table="weather", column="rain")

    (finding,) = validate(sound, checks=["needs_weather"]).findings
    assert (finding.place, finding.message) == ("weather.rain", "could not run: there is no weather")


def test_a_name_is_given_once() -> None:
    def unique_ids(context: Context) -> Iterable[Finding]:
        """Check it again."""
        return ()

    CHECKS.names()
    with pytest.raises(RegistrationError, match="unique_ids"):
        register(subject="own")(unique_ids)


def test_a_check_without_a_docstring_is_refused() -> None:
    def says_nothing(context: Context) -> Iterable[Finding]:
        return ()

    with pytest.raises(RegistrationError, match=r"says_nothing.*docstring"):
        register(subject="own")(says_nothing)
    assert "says_nothing" not in CHECKS


def test_an_unknown_name_is_refused_with_the_nearest(sound: Dataset, folder: object) -> None:
    with pytest.raises(RegistrationError, match="did you mean unique_ids"):
        validate(sound, checks=["uniqe_ids"])
    with pytest.raises(RegistrationError, match="did you mean unique_ids"):
        validate_folder(str(folder), checks=["uniqe_ids"])


def test_only_the_named_checks_run_each_once(sound: Dataset) -> None:
    assert validate(sound, checks=["types", "unique_ids", "types"]).checks == ("types", "unique_ids")


def test_in_memory_all_checks_run_that_need_no_files(sound: Dataset) -> None:
    ran = set(validate(sound).checks)
    assert ran == {check.name for check in CHECKS if not check.needs_folder}
    assert "checksums" not in ran


def test_findings_stand_worst_first(sound: Dataset) -> None:
    from validation_samples import with_cell

    broken = with_cell(with_cell(sound, "meters", "kVA", 5, -1.0), "transformers", "feeder_id", 3, "F")
    broken = with_cell(broken, "meters", "meter_id", 7, "MTR_000001")
    ranks = [finding.severity.rank for finding in validate(broken).findings]
    assert ranks == sorted(ranks)
    assert {0, 1} <= set(ranks)
