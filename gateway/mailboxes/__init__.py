"""The door of people's own mailboxes: their providers are found, their servers are asked, their mail is fetched."""
