#!/bin/sh
# Prepare a host: packages, then files that their own program accepts, then the service; where that
# does not start, the former files are put back. The caller puts the variables in front (see
# payload.py); on standard input comes a tar.
# Everything of common.sh stands before it.
# shellcheck disable=SC2154
: "${preparation:?}" "${unit:?}" "${packages:?}" "${install:?}" "${restart:?}"
: "${payload:?}" "${size:?}" "${reloaded?}"

box=/run/stackwatch/preparation

say() { echo "stackwatch: $preparation on $host: $*" >&2; }
quit() {
  code=$1
  shift
  say "$*"
  cut -d' ' -f3 "$box/repository" "$box/files" 2>/dev/null | while read -r path; do
    rm -f "$path.staged"
  done
  rm -rf "$box"
  leave "$code"
}

receive() {
  rm -rf "$box"
  mkdir -m 0700 "$box" || quit 73 "cannot make $box"
  head -c "$size" >"$box/payload.tar"
  echo "$payload  $box/payload.tar" | sha256sum -c --status 2>/dev/null ||
    quit 74 "the transfer was cut off or damaged, nothing was changed; run again"
  tar -xf "$box/payload.tar" -C "$box" --no-same-owner || quit 73 "cannot unpack: $(room "$box")"
}

# What was compared may have been changed meanwhile, by a run that was waited for.
as_compared() {
  while IFS=' ' read -r seen sum path _; do
    now=$(sha256sum "$path" 2>/dev/null)
    now=${now%% *}
    case ${now:--} in
    "$seen" | "$sum") ;;
    *) quit 76 "refused: $path was changed meanwhile; run again" ;;
    esac
  done <"$1"
}

# Put the former files of a list back.
undo() {
  while IFS=' ' read -r _ _ path _; do
    if [ -e "$box/former$path" ]; then
      cp -p "$box/former$path" "$path.staged" && mv -fT "$path.staged" "$path"
    else
      rm -f "$path"
    fi
  done <"$1"
}

# step WORDS COMMAND...: a step of the installation; what apt complains of in any is told if one fails.
complaints=
step() {
  what=$1
  shift
  words=$("$@" 2>&1 </dev/null) && failed=no || failed=yes
  complaints="$complaints$(printf '%s\n' "$words" | grep -E '^(E|W|Err|dpkg)')
"
  [ "$failed" = yes ] || return 0
  # A repository that apt does not take would stand in the way of everybody's packages.
  undo "$box/repository"
  printf '%s\n' "$complaints" | sed '/^$/d' | tail -n 12 >&2
  quit 71 "$what failed, see above; mend the cause and run again"
}

install_packages() {
  command -v apt-get >/dev/null ||
    quit 71 "packages can be installed by apt-get only, and there is none: install it by hand and run again"
  export DEBIAN_FRONTEND=noninteractive
  # An installation that was cut off lets no other begin.
  [ -z "$(dpkg --audit 2>&1)" ] || step "dpkg --configure" dpkg --configure -a
  step "apt-get update" apt-get update -q
  # Nothing that somebody else installed goes for it.
  # shellcheck disable=SC2086  # one word a package
  step "apt-get install $packages" apt-get install -yq --no-install-recommends --no-remove \
    -o "DPkg::Lock::Timeout=$lock_timeout" -o Dpkg::Options::=--force-confold $packages
}

stage() {
  while IFS=' ' read -r _ _ path check; do
    { mkdir -p "${path%/*}" && cp "$box/content$path" "$path.staged" && chmod 0644 "$path.staged"; } ||
      quit 73 "cannot write $path: $(room /etc)"
    [ -n "$check" ] || continue
    words=$(eval "$check" 2>&1 </dev/null) && continue
    printf '%s\n' "$words" | sed "s#$path.staged#$path#g" >&2
    quit 65 "refused by ${check%% *}: $path would not be valid and is as it was; the checker's words are above"
  done <"$1"
}

swap() {
  while IFS=' ' read -r _ _ path _; do
    mkdir -p "$box/former${path%/*}"
    [ ! -e "$path" ] || cp -p "$path" "$box/former$path"
    [ ! -d "$path" ] || rm -rf "${path:?}"
    mv -fT "$path.staged" "$path" || quit 73 "cannot put $path in place"
  done <"$1"
}

start() {
  systemctl reset-failed "$unit" 2>/dev/null
  seen=$(systemctl restart "$unit" 2>&1) && systemctl is-active --quiet "$unit"
}

# What a reload takes over counts while the service is restarted, see Preparation.
reload() {
  [ -n "$reloaded" ] && systemctl reload "$unit" 2>/dev/null || return 0
  end=$(($(date +%s) + 10))
  while ! eval "$reloaded" >/dev/null 2>&1 </dev/null; do
    [ "$(date +%s)" -lt "$end" ] || return 0
    sleep 0.05
  done
}

put_back() {
  reason=$seen
  journal=$(journalctl -u "$unit" --since "@$started" -n 15 --no-pager -o cat 2>/dev/null)
  undo "$box/files"
  if start; then
    after="with its former configuration it runs again"
  else
    after="and with its former configuration it does not start either: $seen"
  fi
  printf -- '--- last journal lines of %s:\n%s\n---\n' "$unit" "$journal" >&2
  quit 70 "$unit does not start: ${reason:-it ended}; rolled back: $after"
}

take_host || :
receive
as_compared "$box/repository"
as_compared "$box/files"
stage "$box/repository"
swap "$box/repository"
[ "$install" = no ] || install_packages
stage "$box/files"
started=$(date +%s)
swap "$box/files"
words=$(systemctl enable --quiet "$unit" 2>&1) || quit 70 "cannot enable $unit: $words"
if [ "$restart" = yes ]; then
  reload
  start || put_back
fi
rm -rf "$box"
