"""What is asked over HTTP, and answered: a router each.

payloads            what was received, and what became of it
associations        who came, and who was refused
dicom_associations  the same as MONAI Deploy tells it
exports             export requests
inference           inference requests of the ACR DSI
commands            what an operator has done with work: one piece, or all that a filter names
explain             what would happen if somebody called
status              how the site is, and its destinations
health              whether the parts answer, the loops turn, and a study would be kept
metrics             figures for Prometheus
"""
