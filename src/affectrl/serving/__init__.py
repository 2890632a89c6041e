"""Models behind a web server: a REST API, and a page for people. Needs the extra ``serve``."""
