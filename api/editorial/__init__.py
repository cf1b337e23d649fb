"""Knowledge as staff change it: rows of drafts and versions, and the knowledge every process answers from."""
