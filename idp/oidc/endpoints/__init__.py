"""What machines and browsers call beside the authorization endpoint, one file each."""
