"""What every protocol shares of the network.

addresses          where we listen, and who calls
trust              whose certificates are believed
proxies            through whom what lies outside is asked
connection_errors  why a connection failed, in words
"""
