#!/bin/sh
# Everything stackwatch manages on a host, read once. Arguments: further folders to look at.
# Output: sections that begin with a line "#<name>"; files are tab-separated.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
# Podman complains of old cgroups with every word.
PODMAN_IGNORE_CGROUPSV1_WARNING=1
export LC_ALL PATH PODMAN_IGNORE_CGROUPSV1_WARNING
units=/etc/systemd/system

echo "#host"
echo "machine $(uname -m)"
# shellcheck source=/dev/null
(. /etc/os-release && echo "os $ID ${VERSION_ID:-}")
echo "uid $(id -u)"
command -v curl >/dev/null 2>&1 && echo "curl yes"
[ -d /run/systemd/system ] && echo "systemd yes"

echo "#files"
look() { find "$@" -printf '%y\t%m\t%u\t%g\t%s\t%Ts\t%p\t%l\n' 2>/dev/null; }
look /etc/stackwatch
# Programs are flat, or told of below.
look /opt/stackwatch -maxdepth 3
# Data may lie on a larger disk, behind a link.
look -L /var/lib/stackwatch -maxdepth 1
[ $# = 0 ] || look -L "$@" -maxdepth 0
look "$units" -maxdepth 1 -name 'stackwatch-*.service'
look "$units" /run/systemd/system "$units.control" /run/systemd/system.control \
  -mindepth 2 -maxdepth 2 -path '*/stackwatch-*.service.d/*'

echo "#sums"
find /etc/stackwatch -type f -exec sha256sum {} + 2>/dev/null
find "$units" -maxdepth 1 -name 'stackwatch-*.service' -type f -exec sha256sum {} + 2>/dev/null

# Versions that are a tree of files: one line for each file is too many, so it is summed up.
echo "#trees"
for folder in /opt/stackwatch/*/*; do
  [ -n "$(find "$folder" -mindepth 1 -maxdepth 1 -type d -print -quit 2>/dev/null)" ] || continue
  # A link is followed by nobody here, so the version in force is summed up once.
  sum=$(find "$folder" -mindepth 1 \( -type d -printf '%y %m %u:%g %P\n' -o -printf '%y %m %u:%g %s %Ts %P\n' \) | sort | sha256sum)
  echo "${sum%% *} $folder"
done

# Whose units and data there are.
users=$(sed -n 's/^User=//p' "$units"/stackwatch-*.service 2>/dev/null
  stat -c %U /var/lib/stackwatch/* 2>/dev/null)
names=
for file in "$units"/stackwatch-*.service; do
  [ -e "$file" ] && names="$names ${file##*/}"
done
if [ -n "$names" ]; then
  echo "#units"
  # shellcheck disable=SC2086  # unit names hold no spaces
  shown=$(systemctl show --property=Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,NeedDaemonReload,NRestarts $names)
  printf '%s\n' "$shown"
  echo "#running"
  printf '%s\n\n' "$shown" |
    awk -F= '$1 == "Id" { id = $2 } $1 == "MainPID" { pid = $2 } NF == 0 && pid > 0 { print id, pid; pid = 0 }' |
    while read -r name pid; do
      spec=$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^STACKWATCH_SPEC=//p')
      loaded=$(cat "/run/${name%.service}/loaded" 2>/dev/null)
      echo "$name ${spec:--} ${loaded##*/}"
    done
  echo "#programs"
  printf '%s\n\n' "$shown" |
    awk -F= '$1 == "Id" { id = $2 } $1 == "MainPID" { pid = $2 } NF == 0 && pid > 0 { print id, pid; pid = 0 }' |
    while read -r name pid; do
      program=$(readlink "/proc/$pid/exe")
      # An interpreter runs a program of ours: that one is meant.
      script=$(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 2p)
      case $program in
      /opt/stackwatch/*) ;;
      *) case $script in /opt/stackwatch/*) program=$(readlink -f "$script") ;; esac ;;
      esac
      echo "$name $program"
    done
fi

# Containers of ours, by every engine there is: one that another runtime left is found, too.
for engine in docker podman; do
  command -v $engine >/dev/null 2>&1 || continue
  if ! listed=$($engine ps -a --filter label=stackwatch.component --format '{{.ID}} {{.State}} {{.Label "stackwatch.user"}}' 2>&1); then
    echo "#host"
    echo "$engine.error $(printf '%s' "$listed" | tr '\n' ' ')"
    continue
  fi
  echo "#host"
  echo "$engine yes"
  [ -z "$listed" ] || echo "$engine.containers yes"
  # shellcheck disable=SC2046  # one word each
  set -- $(printf '%s\n' "$listed" | cut -d ' ' -f 1)
  echo "#containers"
  # Without the network it says so, and shows the rest.
  $engine inspect "$@" stackwatch 2>/dev/null
  users="$users $(printf '%s\n' "$listed" | cut -d ' ' -f 3)"
  # An image may be removed while its container does not run.
  echo "#lost"
  printf '%s\n' "$listed" | while read -r id status _; do
    case $status in running | '') continue ;; esac
    image=$($engine inspect --type container --format '{{.Image}}' "$id" 2>/dev/null)
    $engine image inspect "$image" >/dev/null 2>&1 || echo "$image"
  done
done
echo "#loaded"
for file in /run/stackwatch/loaded.*; do
  [ -e "$file" ] && echo "${file##*/loaded.} $(cat "$file")"
done
echo "#accounts"
# shellcheck disable=SC2086  # names hold no spaces
printf '%s\n' $users | sort -u | while read -r user; do
  [ -n "$user" ] || continue
  echo "$user $(id -u "$user" 2>/dev/null) $(id -G "$user" 2>/dev/null | tr ' ' ',') $(id -Gn "$user" 2>/dev/null)"
done
echo "#end"
