"""What customers switch on: slots, each of which may be used once a day at about its own time."""

from __future__ import annotations

from dataclasses import dataclass, replace

SLOTS = 16
"""Most slots that a customer can have."""

USE, ROOM_COOLING = 0, 1


@dataclass(frozen=True)
class Slot:
    """Something that may be switched on once a day.

    Attributes
    ----------
    start_h : float
        Usual start on a workday.
    customers_h, days_h : float
        Standard deviation of the start over customers and, for one customer, over days.
    length_h : float
        Mean length.
    power : float
        Mean power as a share of the customer's own peak.
    work, saturday, sunday, quiet : float
        How often, relative to the other slots.
    purpose : int
        :data:`USE`, or :data:`ROOM_COOLING`, which follows the weather.
    """

    start_h: float
    customers_h: float
    days_h: float
    length_h: float
    power: float
    work: float
    saturday: float
    sunday: float
    quiet: float
    purpose: int = USE


class Slots(tuple[Slot, ...]):
    """Slots that can be changed as a whole."""

    __slots__ = ()

    def during_work(self, factor: float) -> Slots:
        """Change how often things start between 8 and 16 h on workdays."""
        return Slots(replace(s, work=s.work * factor) if 8.0 <= s.start_h <= 16.0 else s for s in self)

    def later(self, hours: float) -> Slots:
        """Start everything later."""
        return Slots(replace(s, start_h=(s.start_h + hours) % 24.0) for s in self)

    def open_hours(
        self, opens: float, closes: float, *, saturday: float = 1.0, sunday: float = 0.9, quiet: float = 0.1
    ) -> Slots:
        """Spread what starts at 0 to 24 h over the opening hours, and change how often by day."""
        part = (closes - opens) / 24.0
        return Slots(
            replace(
                s,
                start_h=opens + part * s.start_h,
                customers_h=s.customers_h * part,
                length_h=s.length_h * (0.4 + 0.6 * part),
                saturday=s.work * saturday,
                sunday=s.work * sunday,
                quiet=s.work * (sunday if sunday >= 1.0 else quiet),
            )
            for s in self
        )


def _home(
    start: float,
    customers: float,
    days: float,
    length: float,
    power: float,
    work: float,
    rest: float,
    purpose: int = USE,
) -> Slot:
    return Slot(start, customers, days, length, power, work, rest, rest, rest, purpose)


HOME = Slots(
    (
        _home(5.8, 0.7, 0.35, 0.40, 0.32, 0.85, 0.65),  # rice and breakfast
        _home(6.3, 0.8, 0.40, 0.25, 0.65, 0.35, 0.35),  # shower heater
        _home(7.2, 1.2, 0.70, 0.25, 0.45, 0.45, 0.50),  # kettle, toaster
        _home(8.7, 1.5, 1.00, 0.90, 0.25, 0.25, 0.35),  # washing, pump
        _home(11.5, 0.6, 0.40, 0.45, 0.34, 0.75, 0.70),  # lunch
        _home(12.0, 4.0, 3.00, 0.40, 0.45, 0.70, 0.66),
        _home(14.5, 3.0, 2.50, 0.45, 0.36, 0.75, 0.70),
        _home(15.5, 3.0, 1.20, 0.70, 0.42, 0.28, 0.32),  # ironing
        _home(17.8, 0.8, 0.40, 0.50, 0.36, 0.80, 0.68),  # dinner
        _home(19.2, 0.9, 0.80, 0.30, 0.50, 0.52, 0.45),  # microwave, kettle
        _home(19.8, 1.4, 1.20, 0.55, 0.40, 0.50, 0.45),
        _home(20.8, 1.0, 0.50, 0.25, 0.65, 0.25, 0.25),  # evening shower
        _home(22.3, 1.2, 0.90, 0.45, 0.36, 0.35, 0.35),
        _home(21.6, 1.0, 0.60, 6.50, 0.22, 0.85, 0.85, ROOM_COOLING),  # bedroom at night
        _home(13.3, 1.0, 0.70, 2.50, 0.25, 0.40, 0.55, ROOM_COOLING),
        _home(19.3, 0.8, 0.60, 2.00, 0.25, 0.30, 0.35, ROOM_COOLING),
    )
)


def _round_the_day(count: int, length: float, power: float) -> Slots:
    """Make slots evenly over 24 h, of lengths and powers that differ by a factor of two and more."""
    slots = []
    for index in range(count):
        start = 24.0 * (index + 0.5) / count
        stretch = (0.5, 1.0, 1.6)[index % 3]
        slots.append(Slot(start, 2.5, 0.8, length * stretch, power / stretch**0.5, 1.0, 1.0, 1.0, 1.0))
    return Slots(slots)


BUSINESS = _round_the_day(12, 1.2, 0.10)
INDUSTRY = _round_the_day(12, 2.0, 0.10)
