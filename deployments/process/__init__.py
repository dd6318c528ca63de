"""What every process of the gateway needs.

exit_codes  how it ends
logging     what it says
ownership   whose files it writes
stopping    signals
services    what is done again and again
waking      waiting for whichever comes first
"""
