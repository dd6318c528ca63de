"""What an operator asks, answered once: command line, HTTP and whoever else shows it call what is here.

Each question is a function that returns frozen dataclasses. Asking changes nothing, and makes nothing.

status        how the site is: its parts and its queues
parts         is each part up
others        do the others answer that a node needs, its destinations above all
prefect       a question to it for somebody who waits
queues        how much waits where
payloads      what was received, and what became of it
payload_view  one payload, as every face shows it in a list
payload_detail  and by itself
associations  who came to the receiver, and who was refused
site          is there a gateway where one looked
running       with which addresses its processes run
heartbeat     the loops of this node's processes, by the files that each touches as it turns
liveness      whether all of them turn
readiness     whether a study that is sent now would be kept
services      what runs on this node, under the names that MONAI Deploy has for it
health        whether the parts answer, as MONAI Deploy tells it
traffic       how much came in, by the hour
foreseeing    what would happen if somebody sent something here
figures       how much waits where, and since when: counted, not listed
"""
