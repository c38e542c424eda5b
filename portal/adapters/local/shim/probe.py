"""Find out how this user can give a replica its own root: prints ``mount``, ``user`` or nothing.

``python -I -S probe.py FOLDER [KIND]``; the folder must exist and is left empty.
"""

import os
import sys

sys.path.insert(0, __file__.rsplit("/portal/", 1)[0])

from portal.adapters.local.shim.namespace import enter


def works(kind: str, folder: str) -> bool:
    """Try it in a process of its own: there is no way back."""
    pid = os.fork()
    if pid == 0:
        try:
            enter(kind, folder, [(folder, "/aoli-probe", True)])
            os._exit(0 if os.path.isdir("/aoli-probe") else 1)
        except (OSError, AttributeError):
            os._exit(1)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


for candidate in sys.argv[2:] or ("mount", "user"):
    if works(candidate, sys.argv[1]):
        os.write(1, candidate.encode())
        break
