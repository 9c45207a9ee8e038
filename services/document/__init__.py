"""The document service: documents of the shared records, their metadata and versions, and their encrypted content.

Owns
    document metadata, from the moment a deposit is staged; contents, each encrypted with a key of its own that is
    wrapped by its record's key; which permits were used.

Takes
    over internal HTTP from the gateway: contents to deposit, outcomes asked for, searches and readings with a permit;
    from `access.decisions`: the decisions on deposits and on acts on documents, whether a holder wants new documents
    masked, what a record lives through, and its deletion.

Gives
    `record.deposits`: the request that a staged document become part of its record;
    `document.events`: deposited, refused, held, consulted, changed, act refused, update to tell, summary due, record
    destroyed.

A deposit is acknowledged when content, row and request are safe. It becomes part of the record on a permit alone. A
read happens when its `consulted` row commits, before the first byte, and only while the permit lives on the database's
clock. What a reader may not see leaves no trace in lists and counts.

Who may act on which documents comes as an order with a decision; what a document's own flags, state and version allow
is said here. What an order may not reach is answered as what is not there. What changes a document's flags or deletes
it does so to every older version that it replaced. By the clock withheld documents open.

Contents lie in the content store (`content/`): small ones appended to segments, large ones as files of their own. A
content is found by the name in its document's row and opens for that document alone.
"""
