#!/bin/sh
# What every script that changes a host begins with: one run at a time, no run cut in half.
# The caller puts host, run and lock_timeout in front.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 022
# A controller that dies must not leave a half-done host: once its input is here, go on.
trap '' HUP PIPE
: "${host:?}" "${run:?}" "${lock_timeout:?}"

# In a folder of root's own: nobody else may hold the lock, or put a link in its place.
lock=/run/stackwatch/lock

# The sender must get rid of its whole input, or it sees a closed socket and not our words.
leave() {
  cat >/dev/null
  exit "$1"
}

# Take the host for this run. False if another run had it before: what was compared may be old.
take_host() {
  [ -d /run/stackwatch ] || mkdir -m 0700 /run/stackwatch
  exec 9>>"$lock.lock"
  waited=no
  if ! flock -n 9; then
    waited=yes
    holder=$(cat "$lock.holder" 2>/dev/null)
    echo "stackwatch: another run holds this host ($holder); waiting up to $lock_timeout s" >&2
    if ! flock -w "$lock_timeout" 9; then
      echo "stackwatch: refused: another run ($holder) still holds this host after $lock_timeout s; try again when it has ended" >&2
      leave 75
    fi
  fi
  echo "$run, since $(date +%H:%M:%S)" >"$lock.holder"
  [ "$waited" = no ]
}

# room FOLDER: how much is free there, in words.
room() { echo "$(df -Pk "$1" | awk 'NR == 2 { print $4 }') KiB free"; }

# enough FOLDER KIB: false, with words in $lack, where less is free.
enough() {
  free=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  # shellcheck disable=SC2034  # for the scripts that follow
  lack="no space: $1 has $((free / 1024)) MiB free, $(($2 / 1024)) MiB are needed; make room and run again"
  [ "$free" -ge "$2" ]
}

# Podman leaves programs behind that live as long as a container, or longer: none may keep a lock.
podman() { PODMAN_IGNORE_CGROUPSV1_WARNING=1 command podman "$@" 7<&- 8>&- 9>&-; }

# installed ENGINE: whether there is such a program; not the function of that name.
installed() (
  unset -f podman
  command -v "$1" >/dev/null 2>&1
)

# forget_image ID: all its names, and itself. Podman's force would take containers with it.
forget_image() {
  # shellcheck disable=SC2154  # the engine's name
  case $engine in
  podman) podman untag "$1" && podman rmi "$1" ;;
  *) $engine rmi --force "$1" ;;
  esac
}
