"""From a report and a question to a sourced answer.

`interpretation.interpret_report` explains a report, `consult.answer.answer` answers a question about it,
`guard.check.check_sentence` checks a sentence against it; the README names the rest.
"""
