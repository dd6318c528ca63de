"""Who may send, and to which application entities, as a receiver asks it: from memory, at once.

sources    the application entities and sources of the settings
admission  who is let in, and with which presentation contexts
reasons    why somebody is not known, in words that help
names      the addresses of sources that are registered by name, renewed beside the receiver
"""

from gateway.registry.sources import Registry

__all__ = ["Registry"]
