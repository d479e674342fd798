"""From the bytes of an OTLP request to spans and log records, in protobuf or JSON; `decode` beside it is the way in."""
