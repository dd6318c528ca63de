"""The DICOM receiver: C-ECHO and C-STORE into the spool.

server        connections, one thread each, their bound, the end
connection    PDUs off a socket, with a deadline for each
negotiation   who may come in, in which presentation contexts (PS3.8 section 9, PS3.7 annex D)
association   from the acceptance to the last message
command       command sets (PS3.7 section 9.3 and annex E)
store         one C-STORE: into the spool, and its status (PS3.4 annex B)
"""
