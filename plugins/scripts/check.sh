#!/bin/sh
# Read what the checks of one host need, all at once. login.sh stands before it. Arguments: five a
# request: whether the body is wanted (body) or only the status (status), the URL, who logs in (or
# nobody), the file of the password, and JSON to post (or nothing, for a GET).
# Output: "#units" as systemctl prints it, then for each URL "#answer <n> <status> <error>" and
# the body, every line of it after one space.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

echo "#units"
for file in /etc/systemd/system/stackwatch-*.service; do
  [ -e "$file" ] && systemctl show --property=Id,ActiveState,SubState,NRestarts "${file##*/}" && echo
done
for engine in docker podman; do
  command -v $engine >/dev/null 2>&1 || continue
  $engine ps -aq --filter label=stackwatch.component | xargs -r $engine inspect --format 'Id=container {{.Name}}
ActiveState={{.State.Status}}
SubState={{with .State.Health}}{{.Status}}{{else}}none{{end}}
NRestarts={{.RestartCount}}'
done 2>/dev/null | sed 's#^Id=container /#Id=container #'

# answer URL USER PASSWORD_FILE BODY: the body, and the status on a last line of its own.
answer() {
  url=$1 user=$2 file=$3
  if [ -n "$4" ]; then
    set -- -H 'Content-Type: application/json' --data-raw "$4"
  else
    set --
  fi
  set -- "$@" -gsS -m 10 -w '\nstatus %{http_code}' "$url"
  if [ -z "$user" ]; then
    curl "$@" 2>&1
  elif [ -r "$file" ]; then
    login "$user" "$file" | curl -K - "$@" 2>&1
  else
    printf 'the password cannot be read from %s\nstatus 000' "$file"
  fi
}

number=0
while [ $# -gt 4 ]; do
  body=$(answer "$2" "$3" "$4" "$5")
  echo "#answer $number ${body##*status }"
  body=${body%
status *}
  case $1-${body:+some} in
  body-some) printf '%s\n' "$body" | sed 's/^/ /' ;;
  status-some) printf '%s\n' "$body" | head -c 300 | sed 's/^/ /' && echo ;;
  esac
  number=$((number + 1))
  shift 5
done
echo "#end"
