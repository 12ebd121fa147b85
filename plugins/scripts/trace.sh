#!/bin/sh
# Hand one span to the host's collector, and wait until the store has its trace.
# The caller puts the variables in front; see signals.py. Output: what was seen, in words.
: "${service:?}" "${trace:?}" "${span:?}" "${collector:?}" "${url:?}" "${deadline:?}"
LC_ALL=C
export LC_ALL

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
end=$(($(date +%s) + deadline))
while :; do
  body=$(curl -fsS -m 5 "$url/$trace" 2>&1)
  case $body in
  *'"a smoke check"'*)
    echo "$((($(date +%s%N) - now) / 1000000))"
    exit 0
    ;;
  esac
  [ "$(date +%s)" -lt "$end" ] || break
  sleep 0.1
done
printf 'not found within %s s: %.200s\n' "$deadline" "$body"
exit 1
