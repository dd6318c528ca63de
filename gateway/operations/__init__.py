"""What an operator asks, answered once: command line, HTTP and whoever else shows it call what is here.

Each question is a function that returns frozen dataclasses. Asking changes nothing, and makes nothing.

status          how the site is: its parts and its queues
condition       whether each part, process and peer is well
queues          how much waits where
destinations    and for whom
figures         the same and since when: counted, not listed
counted         how much there was in all, and how long it took
payloads        what was received, and what became of it
payload_view    one payload, as every face shows it in a list
payload_detail  and by itself
associations    who came to the receiver, and who was refused
traffic         how much came in, by the hour
foreseeing      what would happen if somebody sent something here
"""
