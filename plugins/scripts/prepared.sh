#!/bin/sh
# What the preparations of a host are compared by; stands before state.sh where there are some.
# The caller puts in front: programs, packages, files, and services (lines: a unit, its files).
: "${programs?}" "${packages?}" "${files?}" "${services?}"
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

echo "#commands"
for program in $programs; do
  command -v "$program" >/dev/null 2>&1 && echo "$program"
done
echo "#packages"
# shellcheck disable=SC2086  # names of packages hold no spaces
[ -z "$packages" ] || dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null
echo "#sums"
# shellcheck disable=SC2086  # and these paths none
[ -z "$files" ] || sha256sum $files 2>/dev/null
echo "#services"
printf '%s\n' "$services" | while read -r unit theirs; do
  shown=$(systemctl show --property=ActiveState,UnitFileState "$unit" 2>/dev/null)
  enabled=${shown##*UnitFileState=}
  active=${shown##*ActiveState=}
  [ -n "${enabled%%
*}" ] || continue
  started=$(TZ=UTC systemctl show --timestamp=us --property=ExecMainStartTimestamp --value "$unit" 2>/dev/null)
  unread=no
  # shellcheck disable=SC2086
  if [ -n "$started" ] && [ -n "$(find $theirs -newermt "$started" 2>/dev/null)" ]; then
    unread=yes
  fi
  echo "$unit ${active%%
*} ${enabled%%
*} $unread"
done
