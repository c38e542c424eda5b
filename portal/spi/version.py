"""The version of the plugin interface."""

SPI_VERSION = 1
