"""The web door: the API for programs, the console for people, and the public pages that explain a refusal."""
