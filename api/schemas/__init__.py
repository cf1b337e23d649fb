"""Request and response models, named as their route module."""
