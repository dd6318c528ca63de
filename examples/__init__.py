"""Made DICOM data of realistic size and shape, with nobody behind it, for the demonstration, tests and measurements."""
