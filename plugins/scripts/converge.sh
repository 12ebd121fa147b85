#!/bin/sh
# Make one component true: stage, validate, swap, start, wait until it is healthy; on any
# failure put back what was there. The caller puts the variables in front (see payload.py); on
# standard input comes a tar. The programs are there already, see programs.sh.
# common.sh, login.sh, stage.sh, systemd.sh and docker.sh stand before it. What runs a component is behind
# functions with its name in front: "${runtime}_start" and so on.
# shellcheck disable=SC2154
: "${component:?}" "${user:?}" "${version:?}" "${release:?}" "${spec:?}" "${runtime:?}"
: "${payload:?}" "${size:?}" "${needed:?}" "${swap:?}" "${hot:?}" "${action:?}" "${health:?}"
: "${start_timeout:?}" "${groups?}" "${seen_live?}" "${twin?}" "${reload_signal?}"
: "${proof?}" "${proof_success?}" "${proof_time?}"

# Whether what ran before was stopped or changed by this run.
disturbed=no

say() { printf '%s\n' "stackwatch: $component on $host: $*" >&2; }
quit() {
  code=$1
  shift
  say "$*"
  rm -rf "$box" "$etc/releases/.new" "$etc/releases/.check" "$etc/releases/.check.hot"
  "${runtime}_forget_programs"
  leave "$code"
}

# What was compared may have been changed by the run that was waited for.
after_waiting() {
  live=$(readlink "$etc/live")
  case $live in
  "releases/$release".*)
    if [ "$("${runtime}_running_spec")" = "$spec" ]; then
      say "done already by the other run"
      leave 0
    fi
    ;;
  esac
  [ "$live" = "$seen_live" ] ||
    quit 76 "refused: another run changed this component meanwhile; run again"
}

# Programs may still be on their way into their folder, see programs.sh.
await_programs() {
  arriving=/opt/stackwatch/.incoming/$component
  while [ -e "$arriving.pending" ]; do
    # Nobody unpacks any more, and this one is still not done.
    flock -n "$lock.programs" test -e "$arriving.pending" && break
    sleep 0.02
  done
  "${runtime}_programs_there" && return 0
  # Words of an earlier run mean nothing once the programs are there.
  [ ! -s "$arriving.words" ] || quit 74 "$(cat "$arriving.words")"
  quit 74 "its programs are not there, taking them in was cut off; run again"
}

validate() {
  [ -s "$box/validators" ] || return 0
  check=$etc/releases/.check
  rehearse
  while read -r line; do
    output=$(cd "$etc" && "${runtime}_check" "$line" 2>&1 </dev/null) && continue
    printf '%s\n' "$output" | sed "s#$check.hot/#$etc/hot/#g; s#$check/#$etc/live/#g" >&2
    quit 65 "refused by $(printf '%s\n' "$line" | awk '{ n = split($1, p, "/"); print p[n] }'): the configuration is not valid, nothing was changed; the checker's words are above"
  done <"$box/validators"
  rm -rf "$check" "$check.hot"
}

# What to go back to. A run that was cut off between swap and start left its own note: what it
# went away from is still the last state that worked.
settled() {
  running=$("${runtime}_running_spec")
  [ -n "$running" ] && "${runtime}_settled" "$running" &&
    [ "$("${runtime}_loaded")" = "$(readlink "$etc/live")" ]
}

remember() {
  "${runtime}_remember_cut_off"
  if [ -f "$saved/former" ] && ! settled; then
    read -r former old_version old_release <"$saved/former"
    old_version=${old_version#-}
    [ -d "$opt/$old_version" ] && [ -d "$etc/$old_release" ] && return 0
  fi
  [ ! -e "$saved" ] || rm -rf "$saved"
  mkdir -m 0700 "$saved"
  former=-
  for each in $twin "$runtime"; do
    ! "${each}_there" || former=$each
  done
  [ "$former" = - ] || "${former}_remember"
  old_release=$(readlink "$etc/live")
  old_version=$(readlink "$opt/current")
  [ ! -f "$etc/.health" ] || cp "$etc/.health" "$saved/health"
  echo "$former ${old_version:--} $old_release" >"$saved/former"
}

swap_in() {
  # shellcheck disable=SC2034  # for whoever tells the last words since then
  started=$(date +%s)
  if [ "$swap" = yes ]; then
    step "cannot swap the configuration in" mv "$etc/releases/.new" "$etc/releases/$id" || return 1
    step "cannot link the configuration" relink "releases/$id" "$etc/live" || return 1
  fi
  "${runtime}_install" || return 1
  [ "$hot" = yes ] || return 0
  step "cannot put the watched files in place" hot_in
}

answers() { curl -fsS -o /dev/null -m 5 "$health" 2>&1; }

# What must run: empty while the former one is put back.
wanted_spec=$spec

# alive PROCESS: it is the service still, and the one that was meant to run.
alive() {
  [ -n "$1" ] && [ "$("${runtime}_process")" = "$1" ] &&
    { [ -z "$wanted_spec" ] || [ "$("${runtime}_running_spec")" = "$wanted_spec" ]; }
}

# Wait for a 2xx answer; a service that keeps dying is not waited for to the end. The same
# process must be there before and after: another program may have its port.
healthy() {
  end=$(($(date +%s) + start_timeout))
  while :; do
    process=$("${runtime}_process")
    seen=$(answers) && alive "$process" && return 0
    deaths=$("${runtime}_deaths")
    if [ "${deaths:-0}" -ge 3 ]; then
      seen="it died $deaths times"
      return 1
    fi
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.05
  done
}

restart() { "${runtime}_start" && healthy; }

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

# Tell it by its own addresses, one after the other, logged in where that is asked for.
posted() {
  while IFS=' ' read -r url password_file username; do
    seen="POST $url: cannot read the password in $password_file"
    [ -z "$username" ] || [ -r "$password_file" ] || return 1
    answer=$(login "$username" "$password_file" |
      curl -gsS -X POST -m 30 -w '\nstatus %{http_code}' -K - "$url" 2>&1)
    status=${answer##*status }
    case $status in
    # From here on it has taken over some of it.
    2??) disturbed=yes ;;
    *)
      seen="POST $url: status $status: $(printf '%s' "${answer%status *}" | tr '\n' ' ' | cut -c 1-300)"
      return 1
      ;;
    esac
  done <"$box/posts"
}

reload() {
  # Programs round the time of a reload to its own clock reading: compare whole seconds.
  asked=$(date +%s)
  [ -z "$reload_signal" ] || "${runtime}_signal" || return 1
  posted || return 1
  # The proof of putting back is the success metric alone: the former hash is not known here.
  proven || return 1
  "${runtime}_mark_loaded"
}

act() {
  case $action in
  restart)
    # It has the same ports and the same data: the two must never run together.
    if [ -n "$twin" ]; then
      disturbed=yes
      seen=$("${twin}_park" 2>&1) || return 1
    fi
    restart
    ;;
  reload) reload ;;
  *) : ;;
  esac
}

# The former one as it was; says in $after what became of it.
revive() {
  : >"$box/contains"
  if [ "$former" = - ]; then
    "${runtime}_drop"
    after="there was none before, so it is stopped"
    return
  fi
  [ "$former" = "$runtime" ] || "${runtime}_drop"
  runtime=$former
  "${runtime}_restore"
  if [ "$action" = reload ] && reload; then
    after="the former configuration is loaded again"
  elif [ "$disturbed" = no ]; then
    after="the former version and configuration never stopped"
  elif restart; then
    after="the former version and configuration run again"
  else
    after="and the former one does not come back either: $seen"
  fi
}

put_back() {
  reason=$seen
  asked_at=$health
  # The former one answers where it did, which the new one may have moved from.
  [ ! -s "$saved/health" ] || read -r health proof <"$saved/health"
  wanted_spec=
  words=$("${runtime}_last_words")
  if [ -n "$old_release" ]; then relink "$old_release" "$etc/live"; else rm -f "$etc/live"; fi
  "${runtime}_restore_programs" "$old_version"
  revive
  {
    echo "--- $words"
    echo "---"
  } >&2
  [ "$swap" != yes ] || rm -rf "$etc/releases/${id:?}"
  rm -rf "$saved"
  quit 70 "$action failed ($asked_at): ${reason:-no answer}; rolled back: $after"
}

clean() {
  live=$(readlink "$etc/live")
  for folder in "$etc/releases"/* "$etc/releases"/.[!.]*; do
    [ "$etc/$live" = "$folder" ] || rm -rf "$folder"
  done
  [ -z "$twin" ] || "${twin}_discard"
  "${runtime}_tidy"
  return 0
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
