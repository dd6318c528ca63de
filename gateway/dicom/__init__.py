"""DICOM encodings that the hot path and the stored objects need. Data sets pass through as bytes."""
