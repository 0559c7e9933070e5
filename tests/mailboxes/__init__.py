"""Stories and stand of people's own mailboxes: their providers, their servers, their mail."""
