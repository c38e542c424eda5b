"""The portal's pages and API for any WSGI server: ``gunicorn --threads 64 wsgi:application``.

``aoli web`` is the same with gunicorn already set up for live streams. The tables must be
there (``aoli db upgrade``); worker and scheduler run beside it.
"""

from portal.application import create_app
from portal.settings import load_settings

application = create_app(load_settings())
