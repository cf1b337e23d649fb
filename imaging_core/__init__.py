"""The archive: every study losslessly for decades, and who may see which."""
