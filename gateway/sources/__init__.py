"""Where data is retrieved from: one port, an adapter for each kind of foreign system.

questions    what a source may be asked
items        what it has of that, and what is to be fetched
port         what retrieval relies on at a source, and what a source at the one who fetches
kinds        the table: which adapter serves which kind
address      where a source is, and what lets us in
dicomweb     the kind of that name: QIDO-RS and WADO-RS
fhir         the kind of that name: search and read
study_state  how much of a study is here, and the largest units that are missing
outcome      how a retrieval ended, source by source

docs/inference.md says how to add a kind. An adapter knows the standard that it speaks (`gateway.dicomweb`,
`gateway.fhir`), which knows nothing of it.
"""
