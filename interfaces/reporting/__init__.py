"""What happened in a period, on one page."""
