"""Onix Tag and Onix Pick and Pack for Windows: one native client (RFC 8252).

Owns: the loopback listener and what is printed. It has no secret, opens the system's browser for the sign-in, and keeps
its tokens in memory only. Needs no web framework: authlib, joserfc and requests are enough.
"""
