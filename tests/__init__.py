"""The suite. `support` holds what tests stand on: throw-away servers, live processes, a mail sink, a browser."""
