"""The SMTP door: speaks the protocol with mail servers and asks the desk for every decision."""
