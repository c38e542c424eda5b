"""Accounts: Flask-AppBuilder's tables and tokens, our own sign-in page and permission look-up."""
