"""Measurements, side by side with peers in the same run. Every figure in the documents comes from here."""
