"""What people read, in Chinese."""
