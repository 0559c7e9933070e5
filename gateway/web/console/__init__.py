"""The console: pages for people, made on the server; the one script only adds to them."""
