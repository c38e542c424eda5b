"""The alert rules that come with the portal; they use only ``portal.spi``."""
