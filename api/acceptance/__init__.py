"""The acceptance book: requirement by requirement, what was proved, by which test, with its screenshot."""
