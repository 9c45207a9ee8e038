"""Pure rules of the door: who a token's bearer is, how a reason is answered, how FHIR meets the owners' views."""
