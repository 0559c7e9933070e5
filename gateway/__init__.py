"""smartgate: a mail that has one address in Cc becomes a record in the CRM."""
