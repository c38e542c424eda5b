"""Aoli: a self-hosted portal for AI training clusters."""

__version__ = "0.2.0"
