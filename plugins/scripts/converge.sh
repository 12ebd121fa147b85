#!/bin/sh
# Make one component true: stage, validate, swap, start, wait until it is healthy; on any
# failure put back what was there. The caller puts the variables in front (see payload.py); on
# standard input comes a tar. The programs are there already, see programs.sh.
# Everything of common.sh stands before it.
# shellcheck disable=SC2154
: "${component:?}" "${user:?}" "${version:?}" "${release:?}" "${spec:?}"
: "${payload:?}" "${size:?}" "${needed:?}" "${swap:?}" "${hot:?}" "${action:?}" "${health:?}"
: "${start_timeout:?}" "${groups?}" "${seen_live?}"
: "${proof?}" "${proof_success?}" "${proof_time?}"

etc=/etc/stackwatch/$component
opt=/opt/stackwatch/$component
unit=stackwatch-$component.service
unit_file=/etc/systemd/system/$unit
loaded=/run/stackwatch-$component/loaded
box=$opt/.incoming
saved=$opt/.former

say() { echo "stackwatch: $component on $host: $*" >&2; }
quit() {
  code=$1
  shift
  say "$*"
  rm -rf "$box" "$etc/releases/.new" "$etc/releases/.check" "$etc/releases/.check.hot"
  # Programs that were sent for nothing: the version in force is another one.
  [ "$(readlink "$opt/current")" = "$version" ] || rm -rf "${opt:?}/$version"
  leave "$code"
}

running_spec() {
  pid=$(systemctl show -p MainPID --value "$unit" 2>/dev/null)
  [ "${pid:-0}" = 0 ] || tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^STACKWATCH_SPEC=//p'
}

# What was compared may have been changed by the run that was waited for.
after_waiting() {
  live=$(readlink "$etc/live")
  case $live in
  "releases/$release".*)
    if [ "$(running_spec)" = "$spec" ]; then
      say "done already by the other run"
      leave 0
    fi
    ;;
  esac
  [ "$live" = "$seen_live" ] ||
    quit 76 "refused: another run changed this component meanwhile; run again"
}

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

# Programs may still be on their way into their folder, see programs.sh.
await_programs() {
  arriving=/opt/stackwatch/.incoming/$component
  while [ -e "$arriving.pending" ]; do
    # Nobody unpacks any more, and this one is still not done.
    flock -n "$lock.programs" test -e "$arriving.pending" && break
    sleep 0.02
  done
  [ -d "$opt/$version" ] && return 0
  # Words of an earlier run mean nothing once the programs are there.
  [ ! -s "$arriving.words" ] || quit 74 "$(cat "$arriving.words")"
  quit 74 "its programs are not there, unpacking them was cut off; run again"
}

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

validate() {
  [ -s "$box/validators" ] || return 0
  check=$etc/releases/.check
  rehearse
  while read -r line; do
    output=$(cd "$etc" && eval "setpriv --reuid=$user --regid=$user --init-groups --no-new-privs $line" 2>&1 </dev/null) && continue
    printf '%s\n' "$output" | sed "s#$check.hot/#$etc/hot/#g; s#$check/#$etc/live/#g" >&2
    quit 65 "refused by $(printf '%s\n' "$line" | awk '{ n = split($1, p, "/"); print p[n] }'): the configuration is not valid, nothing was changed; the checker's words are above"
  done <"$box/validators"
  rm -rf "$check" "$check.hot"
}

relink() { # relink TARGET LINK: in one step
  # Something else of that name is nobody's: links here are ours alone.
  [ -L "$2" ] || rm -rf "$2"
  ln -sfn "$1" "$2.swap" && mv -fT "$2.swap" "$2"
}

# What to go back to. A run that was cut off between swap and start left its own note: what it
# went away from is still the last state that worked.
settled() {
  [ -n "$(running_spec)" ] && grep -qF "STACKWATCH_SPEC=$(running_spec)" "$unit_file" &&
    [ "$(cat "$loaded" 2>/dev/null)" = "$(readlink "$etc/live")" ]
}

remember() {
  if [ -f "$saved/former" ] && ! settled; then
    read -r old_version old_release <"$saved/former"
    [ -d "$opt/$old_version" ] && [ -d "$etc/$old_release" ] && return 0
  fi
  [ ! -e "$saved" ] || rm -rf "$saved"
  mkdir -m 0700 "$saved"
  old_release=$(readlink "$etc/live")
  old_version=$(readlink "$opt/current")
  [ ! -f "$unit_file" ] || cp -p "$unit_file" "$saved/unit"
  [ ! -f "$etc/.health" ] || cp "$etc/.health" "$saved/health"
  echo "$old_version $old_release" >"$saved/former"
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

unit_in() {
  cp "$box/unit" "$unit_file.swap" && chmod 0644 "$unit_file.swap" && mv -fT "$unit_file.swap" "$unit_file" &&
    cmp -s "$box/unit" "$unit_file"
}

swap_in() {
  started=$(date +%s)
  if [ "$swap" = yes ]; then
    step "cannot swap the configuration in" mv "$etc/releases/.new" "$etc/releases/$id" || return 1
    step "cannot link the configuration" relink "releases/$id" "$etc/live" || return 1
  fi
  step "cannot link the version" relink "$version" "$opt/current" || return 1
  changed=no
  if [ -f "$box/unit" ]; then
    changed=yes
    step "cannot write $unit_file" unit_in || return 1
  fi
  for folder in /etc/systemd/system /run/systemd/system /etc/systemd/system.control /run/systemd/system.control; do
    [ -d "$folder/$unit.d" ] || continue
    changed=yes
    step "cannot remove $folder/$unit.d" rm -rf "$folder/$unit.d" || return 1
  done
  # Enabled before systemd reads its files anew: one reading serves both.
  if ! systemctl is-enabled --quiet "$unit" 2>/dev/null; then
    step "cannot enable $unit" systemctl enable --quiet --no-reload "$unit" || return 1
  fi
  if [ "$changed" = yes ] || [ "$(systemctl show -p NeedDaemonReload --value "$unit")" = yes ]; then
    step "systemd does not read its files" systemctl daemon-reload || return 1
  fi
  [ "$hot" = yes ] || return 0
  step "cannot put the watched files in place" hot_in
}

answers() { curl -fsS -o /dev/null -m 5 "$health" 2>&1; }

# What must run: empty while the former one is put back.
wanted_spec=$spec

# alive PID: that process is the service still, and the one that was meant to run.
alive() {
  [ "$1" != 0 ] && [ "$(systemctl show -p MainPID --value "$unit")" = "$1" ] &&
    systemctl is-active --quiet "$unit" &&
    { [ -z "$wanted_spec" ] || [ "$(running_spec)" = "$wanted_spec" ]; }
}

# Wait for a 2xx answer; a service that keeps dying is not waited for to the end. The same
# process must be there before and after: another program may have its port.
healthy() {
  end=$(($(date +%s) + start_timeout))
  while :; do
    process=$(systemctl show -p MainPID --value "$unit")
    seen=$(answers) && alive "$process" && return 0
    if [ "$(systemctl show -p NRestarts --value "$unit")" -ge 3 ]; then
      seen="it died $(systemctl show -p NRestarts --value "$unit") times"
      return 1
    fi
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.05
  done
}

restart() {
  systemctl reset-failed "$unit" 2>/dev/null
  # A restart that asks for a start and a stop at once fails while the unit is gone: that is an answer too.
  seen=$(systemctl restart "$unit" 2>&1) && healthy
}

metric() { printf '%s\n' "$2" | awk -v name="$1" '$1 == name { print $2 }'; }

# A reload is accepted when the component itself says so: its own metrics, its own hash.
proven() {
  end=$(($(date +%s) + 30))
  while :; do
    if [ -z "$proof_success" ]; then
      seen=$(answers) && contained && return 0
    else
      body=$(curl -fsS -m 5 "$proof" 2>&1)
      success=$(metric "$proof_success" "$body")
      time=$(metric "$proof_time" "$body")
      seen="$proof_success is ${success:-absent}"
      if [ "$success" = 1 ] && awk -v t="${time:-0}" -v s="$asked" 'BEGIN { exit !(t + 0 >= s + 0) }'; then
        contained && return 0
      elif [ "$success" = 0 ]; then
        return 1
      fi
    fi
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.05
  done
}

contained() {
  while IFS=' ' read -r url text; do
    [ -n "$url" ] || continue
    curl -fsS -m 5 "$url" 2>/dev/null | grep -qF -- "$text" && continue
    seen="$url does not show $text yet"
    return 1
  done <"$box/contains"
}

reload() {
  # Programs round the time of a reload to its own clock reading: compare whole seconds.
  asked=$(date +%s)
  seen=$(systemctl reload "$unit" 2>&1) || return 1
  # The proof of putting back is the success metric alone: the former hash is not known here.
  proven || return 1
  readlink "$etc/live" >"$loaded"
}

act() {
  case $action in
  restart) restart ;;
  reload) reload ;;
  *) : ;;
  esac
}

put_back() {
  reason=$seen
  # The former one answers where it did, which the new one may have moved from.
  [ ! -s "$saved/health" ] || read -r health proof <"$saved/health"
  wanted_spec=
  journal=$(journalctl -u "$unit" --since "@$started" -n 15 --no-pager -o cat 2>/dev/null)
  if [ -n "$old_release" ]; then relink "$old_release" "$etc/live"; else rm -f "$etc/live"; fi
  if [ -n "$old_version" ]; then
    if [ -e "$opt/.replaced" ] && [ "$old_version" = "$version" ]; then
      rm -rf "${opt:?}/$version"
      mv "$opt/.replaced" "$opt/$version"
    fi
    relink "$old_version" "$opt/current"
  else
    rm -f "$opt/current"
  fi
  if [ -f "$saved/unit" ]; then
    cp -p "$saved/unit" "$unit_file"
    systemctl daemon-reload
    : >"$box/contains"
    if [ "$action" = reload ] && reload; then
      after="the former configuration is loaded again"
    elif restart; then
      after="the former version and configuration run again"
    else
      after="and the former one does not come back either: $seen"
    fi
  else
    systemctl disable --now --quiet "$unit" 2>/dev/null
    rm -f "$unit_file"
    systemctl daemon-reload
    after="there was none before, so it is stopped"
  fi
  {
    echo "--- last journal lines of $unit:"
    printf '%s\n' "$journal"
    echo "---"
  } >&2
  [ "$swap" != yes ] || rm -rf "$etc/releases/${id:?}"
  [ -n "$old_version" ] && [ "$old_version" != "$version" ] && rm -rf "${opt:?}/$version"
  [ -n "$old_version" ] || rm -rf "${opt:?}/$version"
  rm -rf "$saved" "$opt/.replaced"
  quit 70 "$action failed ($health): ${reason:-no answer}; rolled back: $after"
}

clean() {
  live=$(readlink "$etc/live")
  for folder in "$etc/releases"/* "$etc/releases"/.[!.]*; do
    [ "$etc/$live" = "$folder" ] || rm -rf "$folder"
  done
  for folder in "$opt"/* "$opt"/.[!.]*; do
    case ${folder##*/} in
    current | "$version") ;;
    *) rm -rf "$folder" ;;
    esac
  done
}

take_host || after_waiting
receive
account
await_programs
stage_release
validate
remember
if swap_in && act; then
  # From here on this is what works: what was before is no longer to be gone back to.
  rm -rf "$saved"
  echo "$health $proof" >"$etc/.health"
else
  put_back
fi
clean
