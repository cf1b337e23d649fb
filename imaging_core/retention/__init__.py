"""How long studies are kept. Nothing is deleted here; disposal and legal hold do not exist yet."""

from imaging_core.retention.terms import Policy, Reason, Term, policies, term_of

__all__ = ["Policy", "Reason", "Term", "policies", "term_of"]
