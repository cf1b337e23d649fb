"""What devices wrote, brought into one form beside the original: charsets, dates, identifiers, modality, body part.

The received bytes and the index rows made of them stay as they are. For each value there is the raw one, the
normalised one, the rule that made it and that rule's version; what no rule can mend is a finding for a person.
"""
