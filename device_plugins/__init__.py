"""The device types that come with the portal; they use only ``portal.spi``."""
