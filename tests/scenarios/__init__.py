"""Stories told through the real SMTP port: a peer speaks, the store is looked at."""
