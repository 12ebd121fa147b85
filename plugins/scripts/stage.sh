#!/bin/sh
# What converge.sh does before anything is swapped, and small things it does it with.
# Everything of common.sh stands before it.
# shellcheck disable=SC2154,SC2034
etc=/etc/stackwatch/$component
opt=/opt/stackwatch/$component
box=$opt/.incoming
saved=$opt/.former

receive() {
  mkdir -p "$etc/releases" "$opt" || quit 73 "cannot make $etc and $opt"
  enough "$opt" "$needed" || quit 73 "$lack"
  rm -rf "$box"
  mkdir -m 0700 "$box"
  head -c "$size" >"$box/payload.tar"
  echo "$payload  $box/payload.tar" | sha256sum -c --status 2>/dev/null || cut_off
  tar -xf "$box/payload.tar" -C "$box" --no-same-owner || quit 73 "cannot unpack below $opt: $(room "$opt")"
  rm "$box/payload.tar"
}

cut_off() { quit 74 "the transfer was cut off or damaged, nothing was changed; run again"; }

account() {
  # A group that is there already has another maker; it is taken over, as an account would be.
  own_group=--user-group
  getent group "$user" >/dev/null && own_group="--gid $user"
  # shellcheck disable=SC2086  # one or two words
  getent passwd "$user" >/dev/null ||
    useradd --system $own_group --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin "$user" || quit 71 "cannot make account $user"
  for group in $groups; do
    usermod -aG "$group" "$user" || quit 71 "cannot put $user into group $group"
  done
  chown root:root /opt/stackwatch "$opt" && chmod 0755 /opt/stackwatch "$opt"
  for folder in "$etc" "$etc/releases" "$etc/hot"; do
    if [ -d "$folder" ]; then
      chown "root:$user" "$folder" && chmod 0750 "$folder"
    fi
  done
  while IFS=' ' read -r mode owner folder; do
    [ -n "$folder" ] || continue
    mkdir -p "$folder" || quit 73 "cannot make $folder"
    # An account that was made anew does not own what its former self wrote. Only its own
    # storage is taken over whole: another folder may hold what is somebody else's.
    recursive=
    [ "$folder" != "/var/lib/stackwatch/$component" ] || recursive=-R
    # shellcheck disable=SC2086  # a flag or nothing
    if [ "$(stat -Lc %U:%G "$folder")" != "$owner:$owner" ]; then
      chown $recursive "$owner:$owner" "$folder" || quit 73 "cannot give $folder to $owner"
    fi
    chmod "$mode" "$folder" || quit 73 "cannot change the mode of $folder"
  done <"$box/directories"
}

# Build the whole release from what was sent and what stays, then prove it is what was meant.
stage_release() {
  [ "$swap" = yes ] || return 0
  id=$release.$(date +%s%N)
  new=$etc/releases/.new
  rm -rf "$new"
  mkdir -m 0750 "$new"
  while IFS=' ' read -r mode sum path; do
    mkdir -p "$new/$(dirname "$path")"
    if [ -f "$box/release/$path" ]; then
      cp "$box/release/$path" "$new/$path"
    else
      cp "$etc/live/$path" "$new/$path"
    fi || quit 73 "cannot stage $etc/live/$path"
    chmod "$mode" "$new/$path"
    echo "$sum  $new/$path" | sha256sum -c --status ||
      quit 74 "$etc/live/$path is not what was meant after staging; run again"
  done <"$box/manifest"
  chown -R "root:$user" "$new"
  find "$new" -type d -exec chmod 0750 {} +
}

# What is validated is everything as it will be: the staged release over the hot files to come,
# not over those that lie there, which may be the very thing that is to be repaired.
rehearse() {
  rm -rf "$check" "$check.hot"
  cp -a "$etc/releases/.new" "$check"
  mkdir -m 0750 "$check.hot"
  [ ! -d "$etc/hot" ] || cp -a "$etc/hot/." "$check.hot/"
  while IFS=' ' read -r _ path; do
    rm -rf "$check.hot/${path:?}"
    mkdir -p "$check.hot/$(dirname "$path")"
    cp "$box/hot/$path" "$check.hot/$path"
  done <"$box/hot_files"
  while read -r path; do
    rm -rf "$check.hot/${path:?}"
  done <"$box/hot_strays"
  chown -R "root:$user" "$check.hot"
  chmod -R u=rwX,g=rX,o= "$check.hot"
  grep -rlF "$etc/hot/" "$check" | while read -r file; do
    sed -i "s#$etc/hot/#$check.hot/#g" "$file"
    chown "root:$user" "$file"
  done
}

relink() { # relink TARGET LINK: in one step
  # Something else of that name is nobody's: links here are ours alone.
  [ -L "$2" ] || rm -rf "$2"
  ln -sfn "$1" "$2.swap" && mv -fT "$2.swap" "$2"
}

# step WORDS COMMAND...: a step of the swap; a failed one ends it.
step() {
  seen=$1
  shift
  seen="$seen: $("$@" 2>&1)" && return 0
  return 1
}

hot_in() {
  mkdir -p "$etc/hot" && chown "root:$user" "$etc/hot" && chmod 0750 "$etc/hot" || return 1
  while IFS=' ' read -r mode path; do
    mkdir -p "$etc/hot/$(dirname "$path")"
    [ ! -d "$etc/hot/$path" ] || rm -rf "$etc/hot/${path:?}"
    { cp "$box/hot/$path" "$etc/hot/$path.swap" && chown "root:$user" "$etc/hot/$path.swap" &&
      chmod "$mode" "$etc/hot/$path.swap" && mv -f "$etc/hot/$path.swap" "$etc/hot/$path"; } ||
      return 1
  done <"$box/hot_files"
  while read -r path; do
    rm -f "$etc/hot/$path" || return 1
  done <"$box/hot_strays"
}

