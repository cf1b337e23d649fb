"""Engine, sessions and the tables that belong to the service itself."""
