"""The room of the checks, tried against a name server and a door for mail on loopback."""
