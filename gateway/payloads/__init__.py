"""Payloads: the instances and resources that belong together, from a closed group until they are announced.

payload           what one consists of
files             where its files lie until then
assembly          every file verified
storing           to the object store, with a DICOM JSON Model beside each instance
json_model        that model
workflow_request  the event that announces it
artifact_type     the numbers that this event gives to modalities
index             which there are, and the run of each: tables `rows`, `studies`, `lookups`, `addresses`;
                  `finding`
report            what a finished run tells
"""
