"""The SSH layer against real servers: OpenSSH where it can be, asyncssh and raw sockets for the evil ones."""
