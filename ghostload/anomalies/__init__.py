"""The anomalies room."""
