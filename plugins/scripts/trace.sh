#!/bin/sh
# Hand one span to the host's collector, and wait until the store has its trace.
# The caller puts the variables and found.sh in front; see signals.py. Output: what was seen, in
# words, or how many milliseconds it took.
: "${service:?}" "${trace:?}" "${span:?}" "${collector:?}" "${url:?}"

now=$(date +%s%N)
body=$(curl -sS -m 10 -w '\n%{http_code}' -H 'Content-Type: application/json' --data-binary @- "$collector" 2>&1 <<E
{"resourceSpans": [{"resource": {"attributes": [
  {"key": "service.name", "value": {"stringValue": "$service"}}]},
 "scopeSpans": [{"scope": {"name": "stackwatch"}, "spans": [{"traceId": "$trace", "spanId": "$span",
  "name": "a smoke check", "kind": 1,
  "attributes": [{"key": "sampling.priority", "value": {"intValue": 1}}], "startTimeUnixNano": "$now", "endTimeUnixNano": "$now"}]}]}]}
E
)
case $body in
*"
200") ;;
*)
  printf 'the collector did not take it: %.200s\n' "$body"
  exit 1
  ;;
esac
found curl -fsS -m 5 "$url/$trace"
elapsed "$now"
