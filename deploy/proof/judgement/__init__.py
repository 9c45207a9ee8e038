"""A second reading of CDA documents, small and apart from the record's own: what the demonstration expects of each.

Written from CDA R2 and the French header (CI-SIS, volet Structuration minimale), with the parser of the standard
library. It shares no line with the reading that it is held against, so that an error there is seen as one.
"""

from deploy.proof.judgement.document import NO_SUCH_TYPE, NOT_IN_LIST, Header, Judged, judge

__all__ = ["NOT_IN_LIST", "NO_SUCH_TYPE", "Header", "Judged", "judge"]
