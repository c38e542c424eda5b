"""One module per page; each makes a blueprint."""
