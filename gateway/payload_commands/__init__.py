"""What operators ask of payloads beside their runs: each is carried out by a dispatcher, without a run of the payload.

whereabouts  how far a payload is, be it received or retrieved
announcing   its event, once more
sending      its DICOM objects, to destinations
closing      a group that still receives, closed now
"""
