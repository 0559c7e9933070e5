"""Tests of the door of mailboxes: finding providers, signing in, trying servers."""
