"""Tests of the processes, against a real Prefect server.

Prefect reads its settings at its first import, which comes after this: nothing of the user's own is used or written.
"""

import atexit
import os
import shutil
import tempfile

os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="informatics-gateway-prefect-")
os.environ["DO_NOT_TRACK"] = "1"
atexit.register(shutil.rmtree, os.environ["PREFECT_HOME"], ignore_errors=True)
