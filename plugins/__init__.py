"""The job kinds that come with the portal; they use only ``portal.spi``."""
