#!/bin/sh
# Receive what is posted to a port of a service's own network, until one body holds a word.
# Arguments: what runs a static busybox in that network, as one word; port, word, seconds.
# Output: that body; nothing where none came in time.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

# What is left of the request after its head is as long as the head says.
# shellcheck disable=SC2016  # for the shell in there
answer='
length=0
while read -r name value; do
  name=$(echo "$name" | $0 tr -d "\r")
  case $name in
  [Cc]ontent-[Ll]ength:) length=$(echo "$value" | $0 tr -d "\r") ;;
  "") break ;;
  esac
done
$0 head -c "$length" >&2
printf "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
'
# shellcheck disable=SC2016
listen='
end=$(($($0 date +%s) + $4))
while [ "$($0 date +%s)" -lt "$end" ]; do
  body=$($0 nc -l -w 5 -p "$1" -e $0 sh -c "$3" $0 2>&1) || $0 sleep 0.2
  case $body in *"$2"*)
    printf "%s\n" "$body"
    break ;;
  esac
done
'
# It ends by itself, with all it started: nothing in there would bury what is left behind.
# shellcheck disable=SC2086  # words
$1 sh -c "$listen" "${1##* }" "$2" "$3" "$answer" "$4"
true
