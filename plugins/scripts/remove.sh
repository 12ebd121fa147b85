#!/bin/sh
# Stop and remove one component. The caller puts component, purge (a folder or empty) and
# lock_timeout in front. What the component wrote stays unless purge names it.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
: "${component:?}" "${purge?}" "${lock_timeout:?}"

unit=stackwatch-$component.service
mkdir -p /run/lock
exec 9>>/run/lock/stackwatch.lock
if ! flock -w "$lock_timeout" 9; then
  echo "refused: another run still holds this host after $lock_timeout s" >&2
  exit 75
fi
echo "removal of $component, since $(date +%H:%M:%S)" >/run/lock/stackwatch.holder
if [ -e "/etc/systemd/system/$unit" ]; then
  systemctl disable --now --quiet "$unit" 2>/dev/null
  if systemctl is-active --quiet "$unit"; then
    echo "$unit does not stop" >&2
    exit 70
  fi
  rm -f "/etc/systemd/system/$unit"
  systemctl daemon-reload
fi
rm -rf "/etc/stackwatch/${component:?}" "/opt/stackwatch/${component:?}"
[ -z "$purge" ] || rm -rf "${purge:?}"
