"""The disks of this node, as whoever keeps files on them sees them.

durable    writes that outlive the power, or the process
lock_file  one process at a time, and which
ownership  whose a file is
paths      what lies where below `data_dir`
room       is there room for more?
checksum   a file's length and CRC-32C
"""
