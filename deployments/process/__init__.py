"""What every process of the gateway needs.

exit_codes      how it ends
logging         what it says
log_rendering   how a record is written, so that nothing from outside can forge one
log_repetition  warnings that are counted in place of repeated
ownership       whose files it writes
stopping        signals
services        what is done again and again
waking          waiting for whichever comes first
"""
