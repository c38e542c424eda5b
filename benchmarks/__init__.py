"""Measurements of the portal: ``make bench`` prints one table. Nothing here passes or fails."""
