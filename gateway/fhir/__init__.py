"""FHIR as its user: resources read as the server writes them.

names      types, ids, forms and versions
client     one server: fhirclient's requests over a session of ours
search     all of a type, page by page
document   is it the resource that was asked for?
outcome    what an OperationOutcome says, without what may name a patient
"""
