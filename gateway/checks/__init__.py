"""The room of the checks: asks name servers, and our own door, what the world sees of this machine."""
