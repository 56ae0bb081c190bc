"""The kit on which every application of the family stands.

Owns: finding the provider (`provider`), judging tokens (`tokens`), deciding access from a token alone (`access`),
signing in, refreshing and signing out (`flow`), keeping sessions server side (`store`), and the pages that all
applications share (`web`, `templates`, `static`). Does not own what an application does once it is open.
`provider`, `tokens`, `access` and `words` need no web framework: the native client uses them too.
"""
