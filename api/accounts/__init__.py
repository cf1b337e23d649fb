"""People who work here: accounts, roles, passwords, second factor, sign-in sessions."""
