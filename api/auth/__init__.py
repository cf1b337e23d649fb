"""Who may call what. The default is nobody: a route without a declared rule stops the service from starting."""
