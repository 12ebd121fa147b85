#!/bin/sh
# Prepare this host for the Compose file beside this script: its accounts and folders, and what
# only the host knows, which is the numbers of accounts (.env) and which of the optional mounts
# there are (compose.override.yaml). What is needed stands in the file `needs`, words separated by
# tabs. As root, as often as you like.
set -eu
cd "$(dirname "$0")"
umask 022
if [ "$(id -u)" != 0 ]; then
  echo "prepare.sh: it makes accounts and folders: run it as root" >&2
  exit 1
fi
tab=$(printf '\t')

# listed KIND: the lines of a kind, without that word.
listed() { sed -n "s/^$1$tab//p" needs; }

# variable WORD...: its name in .env
variable() { printf 'STACKWATCH_%s' "$*" | tr -c 'A-Za-z0-9\n' _ | tr '[:lower:]' '[:upper:]'; }

account() { # USER GROUP...
  user=$1
  shift
  # A group that is there already is taken over.
  own_group=--user-group
  if getent group "$user" >/dev/null; then own_group="--gid $user"; fi
  # shellcheck disable=SC2086  # one or two words
  getent passwd "$user" >/dev/null ||
    useradd --system $own_group --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin "$user"
  for group in "$@"; do
    [ "$group" = - ] || usermod -aG "$group" "$user"
  done
}

accounts() {
  listed account | while IFS=$tab read -r component user groups; do
    # shellcheck disable=SC2086  # names
    account "$user" $groups
    [ ! -d "config/$component" ] || chown -R "root:$user" "config/$component"
    echo "$(variable "$component" UID)=$(id -u "$user")"
    echo "$(variable "$component" GID)=$(id -g "$user")"
    echo "$(variable "$component" GROUPS)=$(id -G "$user" | tr ' ' ,)"
    for group in $groups; do
      [ "$group" = - ] ||
        echo "$(variable group "$group")=$(getent group "$group" | cut -d: -f3)"
    done
  done >.env.new
  sort -u .env.new >.env
  rm .env.new
}

folders() {
  listed folder | while IFS=$tab read -r mode owner folder; do
    mkdir -p "$folder"
    chown "$owner:$owner" "$folder"
    chmod "$mode" "$folder"
  done
}

optional_mounts() {
  service=
  listed mount | while IFS=$tab read -r component read_only source target; do
    [ -e "$source" ] || continue
    [ -n "$service" ] || echo "services:"
    [ "$component" = "$service" ] || printf '  %s:\n    volumes:\n' "$component"
    service=$component
    printf '      - {type: bind, source: "%s", target: "%s", read_only: %s}\n' \
      "$source" "$target" "$read_only"
  done >compose.override.yaml
  [ -s compose.override.yaml ] || rm compose.override.yaml
}

# Names those that are still to be put there.
secrets() {
  listed secret | while IFS=$tab read -r user path; do
    if [ -f "$path" ]; then
      chown "root:$user" "$path"
      chmod 0640 "$path"
    else
      echo "$path"
    fi
  done
}

accounts
folders
optional_mounts
missing=$(secrets)
[ -z "$missing" ] || {
  printf 'prepare.sh: put these secrets there and run it again:\n%s\n' "$missing" >&2
  exit 1
}
