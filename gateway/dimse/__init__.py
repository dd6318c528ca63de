"""DIMSE on the wire, for whoever is at this end: PDUs, command sets, and the sender of C-STORE (PS3.7, PS3.8)."""
