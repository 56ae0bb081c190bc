"""The applications on their own: an issuer of these tests stands in for the provider, over real HTTP."""
