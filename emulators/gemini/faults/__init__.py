"""The outcomes of calls, the bodies of errors and refusals, and the rules that choose an outcome."""
