#!/bin/sh
# Write one line into a file that the host's shipper reads, and wait until the store has it.
# The caller puts the variables in front; see signals.py. Output: what was seen, in words.
: "${folder:?}" "${token:?}" "${secret:?}" "${query:?}" "${url:?}" "${deadline:?}"
LC_ALL=C
export LC_ALL

exec 2>&1
mkdir -p "$folder" || exit 1
file=$folder/$token.log
trap 'rm -f "$file"' EXIT
started=$(date +%s%N)
printf '{"time":"%s","level":"info","message":"a smoke check","requestId":"%s","password":"%s"}\n' \
  "$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)" "$token" "$secret" >"$file" || exit 1
end=$(($(date +%s) + deadline))
while :; do
  body=$(curl -fsS -m 5 -G "$url" --data-urlencode "query=$query" 2>&1)
  case $body in
  *"$secret"*)
    echo "its secret was not redacted"
    exit 1
    ;;
  *'a smoke check'*)
    echo "$((($(date +%s%N) - started) / 1000000))"
    exit 0
    ;;
  esac
  [ "$(date +%s)" -lt "$end" ] || break
  sleep 0.1
done
printf 'not found within %s s: %.200s\n' "$deadline" "$body"
exit 1
