"""The suite. `support` holds what tests stand on: throw-away PostgreSQL and Redis, live processes, a mail sink, a browser."""
