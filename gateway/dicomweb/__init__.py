"""DICOMweb as its user (PS3.18).

Storing, from disk to socket, with the client of `gateway.web`:

multipart         files as a body
store_answer      what an answer to STOW-RS names
verdicts          what that, and the HTTP status, mean for an instance
stow              one batch
store             many files: batches, halved and parted where need be
query             QIDO-RS: is the service there, does it hold an instance

Retrieving, from socket to disk, with dicomweb-client and a session of `gateway.web`:

archive           a service that is retrieved from
search            QIDO-RS: which studies, and what instances of them
multipart_reader  a body, part by part as it comes
retrieve          WADO-RS: a study, a series, an instance
"""
