"""How long studies are kept, legal holds, and disposal by plans that two people approve."""

from imaging_core.retention.terms import Policy, Reason, Term, policies, read_policies, term_of

__all__ = ["Policy", "Reason", "Term", "policies", "read_policies", "term_of"]
