"""The small process that drives one replica. Standard library only, and little of it.

It must start in milliseconds and stay small, so its modules leave out ``json``, ``signal``,
``subprocess``, ``typing`` and whatever else takes long to import.
"""
