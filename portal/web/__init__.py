"""The pages: a Flask application around the services, with Flask-AppBuilder for accounts."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("aoli")
except PackageNotFoundError:  # run from a folder without an installation
    __version__ = "0"
