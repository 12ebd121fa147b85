#!/bin/sh
# Stop and remove one component. The caller puts component and purge (a folder or empty) in
# front. What the component wrote stays unless purge names it.
# Everything of common.sh stands before it.
# shellcheck disable=SC2154
: "${component:?}" "${purge?}"

unit=stackwatch-$component.service
take_host || :
ran=container
if [ -e "/etc/systemd/system/$unit" ]; then
  systemctl disable --now --quiet "$unit" 2>/dev/null
  if systemctl is-active --quiet "$unit"; then
    echo "$unit does not stop" >&2
    exit 70
  fi
  rm -f "/etc/systemd/system/$unit"
  systemctl daemon-reload
  ran=unit
fi
[ ! -e "/run/stackwatch/loaded.$component" ] || ran=container
for engine in docker podman; do
  installed $engine || continue
  # By its label: those that a broken run left, too.
  if ! found=$($engine ps -aq --filter "label=stackwatch.component=$component" 2>&1); then
    # Where it was a unit, an engine that is none is nobody's concern.
    [ "$ran" = container ] || continue
    echo "stackwatch: $component on $host: $engine does not answer ($found), and may have a container of it: start it and run again; nothing else was removed" >&2
    exit 70
  fi
  for container in $found; do
    $engine rm -f "$container" >/dev/null || exit 70
  done
  $engine image ls -q --filter "label=stackwatch.component=$component" | sort -u | while read -r image; do
    forget_image "$image" >/dev/null
  done
done
rm -f "/run/stackwatch/loaded.$component"
rm -rf "/etc/stackwatch/${component:?}" "/opt/stackwatch/${component:?}"
[ -z "$purge" ] || rm -rf "${purge:?}"
