#!/bin/sh
# Stands before the scripts of signals.py.
: "${deadline:?}"
LC_ALL=C
export LC_ALL

# found COMMAND...: until what it prints ($body) holds the words that were sent. Otherwise says what
# it saw at last, and ends the script.
found() {
  end=$(($(date +%s) + deadline))
  while :; do
    body=$("$@" 2>&1)
    case $body in
    *'a smoke check'*) return 0 ;;
    esac
    [ "$(date +%s)" -lt "$end" ] || break
    sleep 0.1
  done
  printf 'not found within %s s: %.200s\n' "$deadline" "$body"
  exit 1
}

# elapsed NANOSECONDS: milliseconds since then.
elapsed() { echo "$((($(date +%s%N) - $1) / 1000000))"; }
