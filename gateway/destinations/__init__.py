"""Where results go: registered destinations, and services that an inference request names.

port        what every destination is to an export
kinds       the kinds, each with its adapter
dimse       C-STORE
dicomweb    STOW-RS
directory   files below a directory
part10      what the first two carry
registered  which there are, by name
current     those of the settings as they are now
circuits    which are away, as a circuit breaker knows it
listing     as people see them
"""
