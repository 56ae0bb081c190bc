"""Grants, one file each: Authlib's classes with `redeem` as their shared gate. Listed in `server.py`."""
