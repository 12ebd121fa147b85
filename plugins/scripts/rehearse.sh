#!/bin/sh
# Send requests from this host, one after the other. Standard input: for each the lines of a
# configuration of curl's, and an empty line. There are secrets in it, so it stands in no argument.
# Output: for each "#answer <n> <status>" and the body, every line of it after one space.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

# Everything first: who sends it does not read answers meanwhile.
requests=$(cat)
echo "#answers"
number=0 request=
printf '%s\n\n' "$requests" | while IFS= read -r line; do
  if [ -n "$line" ]; then
    request="$request$line
"
    continue
  fi
  [ -n "$request" ] || continue
  body=$(printf '%s' "$request" | curl -K - -gsS -m 10 -w '\nstatus %{http_code}' 2>&1)
  echo "#answer $number ${body##*status }"
  body=${body%
status *}
  printf '%s\n' "$body" | head -c 300 | sed 's/^/ /' && echo
  number=$((number + 1)) request=
done
echo "#end"
