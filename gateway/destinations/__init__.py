"""Where results go: registered destinations, and services that an inference request names.

registered   which there are, by name
sending      files on their way to one
circuits     which are away, as a circuit breaker knows it
listing      as people see them
"""
