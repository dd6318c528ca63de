"""Have the fork server end at once.

It has nothing to bring to an end, and to take apart all that it has imported takes Python 0.6 s on a quiet machine,
which whoever stops the gateway would wait for. Its children don't come by here: they end as multiprocessing has it.
"""

import atexit
import os

atexit.register(os._exit, 0)
