"""What every customer truly draws, before any theft or fault."""

from ghostload.consumption.customers import Customers, draw_customers
from ghostload.consumption.monthly import monthly_true_kwh

__all__ = ["Customers", "draw_customers", "monthly_true_kwh"]
