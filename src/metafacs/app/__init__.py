"""The local page: a server on this machine alone, and the processes that analyse for it."""
