"""What makes one command enough: a PostgreSQL, a demo database and a language model of this machine's own."""
