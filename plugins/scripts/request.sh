#!/bin/sh
# Send HTTP requests from this host, one after the other. The caller puts $user, $password_file and
# login.sh in front. Standard input: one request a line, "<method> <URL> <body>", the body being
# JSON on the same line, or nothing.
# Output: for each "#answer <n> <status>" and the body, every line of it after one space; status
# 000 means that there was no answer, and the body says why.
: "${user?}" "${password_file?}"
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077

box=$(mktemp -d) || exit 1
trap 'rm -rf "$box"' EXIT
trap 'exit 1' HUP INT TERM
# Everything first: who sends it does not read answers meanwhile.
cat >"$box/requests"
echo "#answers"

# send METHOD URL BODY: prints the status.
send() {
  set -- "$3" -gsS -m 30 -X "$1" -o "$box/body" -w '%{http_code}' "$2"
  if [ -n "$1" ]; then
    printf '%s' "$1" >"$box/sent"
    set -- "$@" -H 'Content-Type: application/json' --data-binary "@$box/sent"
  fi
  shift
  login "$user" "$password_file" | curl -K - "$@" 2>"$box/error"
}

# unsent WORDS...: no answer, or not all of it.
unsent() {
  status=000
  printf '%s\n' "$*" >"$box/body"
}

number=0
while IFS=' ' read -r method url body; do
  rm -f "$box/body"
  if [ -n "$user" ] && ! [ -r "$password_file" ]; then
    unsent "the password cannot be read from $password_file"
  else
    status=$(send "$method" "$url" "$body") || unsent "$(cat "$box/error")"
  fi
  echo "#answer $number $status"
  # A last line need not have an end.
  [ ! -s "$box/body" ] || { cat "$box/body" && echo; } | sed 's/^/ /'
  number=$((number + 1))
done <"$box/requests"
echo "#end"
