"""What tests stand on: throw-away servers on this machine's loopback, isolated databases, and people to test with."""
