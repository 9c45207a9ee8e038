"""The language between services: envelope, messages by topic, the topic registry, reason codes.

One module of versioned messages per topic. A message type carries its version in its name (`carnet.record.consult.v1`);
readers are upgraded before writers, ignore fields they do not know, and understand all that is 30 days old.
"""
