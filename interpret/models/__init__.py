"""Chat models behind one port. None is needed: without a model the composed answer is the answer."""
