#!/bin/sh
# Put packed programs into the folders of their versions, all of a host's components at once.
# The caller puts orders in front, lines of "component kind name sha256 bytes", and needed (KiB);
# on standard input come the packed programs in that order. Nothing that runs is touched: a
# version is in force only once converge.sh links it.
#
# It ends when everything has arrived; unpacking goes on behind it, and converge.sh waits for
# what it needs. Whoever unpacks holds a lock of its own, so that a dead one is told from a slow.
# Everything of common.sh stands before it.
# shellcheck disable=SC2154
: "${orders:?}" "${needed:?}"
engine=${engine:-docker}

base=/opt/stackwatch
box=$base/.incoming

# take_in COMPONENT KIND NAME SHA256: once its sum is right.
take_in() {
  if ! echo "$4  $box/$1.tar" | sha256sum -c --status 2>/dev/null; then
    echo "the transfer of its programs was cut off or damaged, nothing was changed; run again"
    return 1
  fi
  "take_in_$2" "$1" "$3"
}

# From its file to its folder.
take_in_programs() { # COMPONENT VERSION [OPTION OF TAR]
  mkdir "$box/$1"
  if ! tar -xzf "$box/$1.tar" -C "$box/$1" --no-same-owner --same-permissions ${3:+"$3"} 2>/dev/null; then
    echo "cannot unpack its programs below $base: $(room "$base")"
    return 1
  fi
  chmod 0755 "$box/$1"
  mkdir -p "$base/$1"
  # A version that is there is replaced whole: a program in use must not be written to.
  rm -rf "$base/$1/.replaced"
  [ ! -e "$base/$1/$2" ] || mv "$base/$1/$2" "$base/$1/.replaced"
  mv "$box/$1" "$base/$1/$2"
}

# The folder that is around a tree is there for images.
take_in_tree() { take_in_programs "$1" "$2" --strip-components=1; } # COMPONENT VERSION

# From its file to the engine's store.
take_in_image() { # COMPONENT IMAGE
  words=$($engine load --quiet --input "$box/$1.tar" 2>&1) && return 0
  echo "$engine cannot load the image $2: $words; $(room "$($engine info --format '{{.DockerRootDir}}' 2>/dev/null || echo /)") in the engine's store"
  return 1
}

# From the site's registry, which cannot serve anything else by a digest.
take_in_reference() { # COMPONENT REFERENCE=IMAGE
  words=$($engine pull --quiet "${2%=*}" 2>&1) && words=$($engine tag "${2%=*}" "${2#*=}" 2>&1) && return 0
  echo "$engine cannot pull ${2%=*}: $words"
  return 1
}

# Runs on behind this script. With exec, since redirections of a function are undone afterwards:
# the shell would keep a copy of our output open, and the connection with it.
take_in_behind() {
  exec 9>&- 7<&- </dev/null >/dev/null 2>&1
  take_in "$1" "$2" "$3" "$4" >"$box/$1.words" && rm -f "$box/$1.words"
  rm -f "$box/$1.pending" "$box/$1.tar"
  # The last one tidies up; where one failed, its words stay for converge.sh.
  [ -n "$(find "$box" -name '*.pending' -o -name '*.words')" ] || rm -rf "$box"
}

take_host || :
mkdir -p "$base"
exec 8>>"$lock.programs"
flock -w "$lock_timeout" 8 || leave 75
rm -rf "$box"
if ! enough "$base" "$needed"; then
  echo "stackwatch: $(printf '%s' "$orders" | awk '{ printf "%s%s", sep, $1; sep = ", " }') on $host: $lack" >&2
  leave 73
fi
mkdir -m 0700 "$box"
printf '%s\n' "$orders" >"$box/orders"
while read -r component _; do
  : >"$box/$component.pending"
done <"$box/orders"
exec 7<"$box/orders"
while read -r component kind name sum bytes <&7; do
  head -c "$bytes" >"$box/$component.tar"
  (take_in_behind "$component" "$kind" "$name" "$sum") &
done
