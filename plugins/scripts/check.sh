#!/bin/sh
# Read what the checks of one host need, all at once. Arguments: PAIRS of a word and a URL; the
# word says whether the body is wanted (body) or only the status (status).
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
number=0
while [ $# -gt 1 ]; do
  body=$(curl -sS -m 10 -w '\nstatus %{http_code}' "$2" 2>&1)
  echo "#answer $number ${body##*status }"
  body=${body%
status *}
  case $1-${body:+some} in
  body-some) printf '%s\n' "$body" | sed 's/^/ /' ;;
  status-some) printf '%s\n' "$body" | head -c 300 | sed 's/^/ /' && echo ;;
  esac
  number=$((number + 1))
  shift 2
done
echo "#end"
