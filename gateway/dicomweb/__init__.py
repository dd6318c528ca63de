"""DICOMweb as its user (PS3.18).

service        whom to ask, and how long to wait
wire           a socket with a deadline, as http.client uses one
client         one request and its answer
multipart      files as a body, from disk to socket
store_answer   what an answer to STOW-RS names
verdicts       what that, and the HTTP status, mean for an instance
stow           one batch
store          many files: batches, halved and parted where need be
query          QIDO-RS: is the service there, does it hold an instance
"""
