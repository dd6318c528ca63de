"""HTTP as its user: every connection that leads out of the gateway, for DICOMweb, FHIR and S3, is made here.

service      whom to ask, and how long to wait
retry_after  how long to wait before asking again
statuses     what an HTTP status means
connecting   a TCP connection, for all of them
tunnel       through a forward proxy, and what its refusals mean

What is sent, from disk to socket, with a client of our own:

wire         a socket with a deadline, as http.client uses one
client       one request and its answer

What is retrieved, over sessions of `requests` that client libraries can work on:

session      silent, discreet, bounded in time and in memory
body         an answer's body, piece by piece, no slower than agreed
errors       what the libraries raise, as ours

Objects, over the pool of urllib3 that the S3 client works on:

pool         bounded waits, no retries, room for slow links
"""
