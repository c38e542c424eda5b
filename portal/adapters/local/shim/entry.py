"""Start of a shim: ``python -I -S entry.py``, instructions (``marshal``) on standard input.

Isolated mode knows no ``portal``: its folder is added here.
"""

import sys

sys.path.insert(0, __file__.rsplit("/portal/", 1)[0])

from portal.adapters.local.shim.supervise import main

main()
