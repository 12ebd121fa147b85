#!/bin/sh
# Stop and remove one component. The caller puts component and purge (a folder or empty) in
# front. What the component wrote stays unless purge names it.
# Everything of common.sh stands before it.
# shellcheck disable=SC2154
: "${component:?}" "${purge?}"

unit=stackwatch-$component.service
take_host || :
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
