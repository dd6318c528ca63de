"""What an operator asks, answered once: command line, HTTP and whoever else shows it call what is here.

Each question is a function that returns frozen dataclasses. Asking changes nothing, and makes nothing.

status        how the site is: its parts and its queues
parts         is each part up
queues        how much waits where
payloads      what was received, and what became of it
payload_view  one payload, as every face shows it
associations  who came, who was refused, and why
site          is there a gateway where one looked
running       with which addresses its processes run
"""
