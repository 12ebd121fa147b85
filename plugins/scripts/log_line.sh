#!/bin/sh
# Write one line into a file that the host's shipper reads, and wait until the store has it.
# The caller puts the variables and found.sh in front; see signals.py. Output: what was seen, in
# words, or how many milliseconds it took.
: "${folder:?}" "${token:?}" "${secret:?}" "${query:?}" "${url:?}"

exec 2>&1
mkdir -p "$folder" || exit 1
file=$folder/$token.log
trap 'rm -f "$file"' EXIT
started=$(date +%s%N)
printf '{"time":"%s","level":"info","message":"a smoke check","requestId":"%s","password":"%s"}\n' \
  "$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)" "$token" "$secret" >"$file" || exit 1
found curl -fsS -m 5 -G "$url" --data-urlencode "query=$query"
# shellcheck disable=SC2154  # what was found
case $body in
*"$secret"*)
  echo "its secret was not redacted"
  exit 1
  ;;
esac
elapsed "$started"
