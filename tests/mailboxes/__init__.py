"""Tests of people's own mailboxes, and the stand they meet: mail servers, faults, scripted servers, sign-in, mails."""
