"""Outside citizen platforms whose users come here already verified: OIDC and one-time tickets."""
