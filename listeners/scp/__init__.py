"""The DICOM receiver: C-ECHO and C-STORE into the spool.

scp_process  the receiver as a process: spool, recovery, closing of groups
server       connections, one thread each, and the end
places       how many there may be, and who makes room for whom
negotiation  who may come in, and in which presentation contexts (PS3.8 section 9, PS3.7 annex D)
association  from the acceptance to the last message
account      what is told of a connection, at its end and before
pace         how fast a sender has to be, and how much it may take of what is everybody's
messages     fragments joined into messages, in their order (PS3.8 annex E)
store_times  how long senders wait for its answer
store        one C-STORE: into the spool, and its status (PS3.4 annex B)
"""
