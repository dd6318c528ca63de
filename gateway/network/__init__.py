"""What every protocol shares of the network.

trust              whose certificates are believed
connection_errors  why a connection failed, in words
"""
