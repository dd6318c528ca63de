"""One module per command. Each imports what it needs when it is called, so that no command pays for another."""
