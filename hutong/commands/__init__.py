"""Every command but `serve`: clients over sockets, one a file, loaded when it is called."""
