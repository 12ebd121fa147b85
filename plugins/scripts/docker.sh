#!/bin/sh
# What converge.sh does with a component that runs as a container, made anew whenever anything
# but its configuration changes. The former one is kept, stopped, until the new one is healthy.
# shellcheck disable=SC2154,SC2034
engine=${engine:-docker}
container=stackwatch-$component
container_loaded=/run/stackwatch/loaded.$component

shown() { # shown FORMAT [CONTAINER]
  $engine inspect --type container --format "$1" "${2:-$container}" 2>/dev/null
}

# The hash of what runs; nothing where nothing does.
docker_running_spec() { shown '{{if .State.Running}}{{index .Config.Labels "stackwatch.spec"}}{{end}}'; }

# When it was started, as state.sh shows it: templates of Podman print a time otherwise.
started_at() { shown '{{json .State.StartedAt}}' | tr -d '"'; }

# The release that what runs has read.
docker_loaded() {
  read -r release_read since <"$container_loaded" 2>/dev/null || return 0
  [ "$since" != "$(started_at)" ] || echo "releases/$release_read"
}

# What tells this start from every other; nothing where nothing runs.
docker_process() { shown '{{if and .State.Running (not .State.Restarting)}}{{.Id}} {{.State.StartedAt}}{{end}}'; }

# How often it died by itself since it was started.
docker_deaths() { shown '{{.RestartCount}}'; }

docker_there() { [ -n "$(shown '{{.Id}}')" ]; }

# Whether what runs has become healthy: a cut-off run may not have waited for that.
docker_settled() {
  process=$(docker_process)
  # Its own check: the address that this run would ask may be another one.
  # shellcheck disable=SC2016  # a variable of the container's
  [ -n "$process" ] && $engine exec "$container" /busybox sh -c \
    'exec /busybox wget -q -T 5 -O /dev/null "$STACKWATCH_HEALTH"' >/dev/null 2>&1 &&
    [ "$(docker_process)" = "$process" ]
}

docker_programs_there() {
  # What runs is made of it even where its name was taken away, or given to another image.
  for each in "$version" "$(shown '{{.Image}}')"; do
    found=$($engine image inspect --format '{{.Id}}' "$each" 2>/dev/null) || continue
    # Podman leaves the algorithm out.
    found=sha256:${found#sha256:}
    case " $image_ids " in
    *" $found "*)
      [ "$each" = "$version" ] || $engine tag "$found" "$version" || return 1
      return 0
      ;;
    esac
  done
  return 1
}

docker_forget_programs() {
  used=$(shown '{{.Config.Image}}')
  # Podman says where it would have come from.
  used=${used#docker.io/}
  used=${used#localhost/}
  [ "$used" = "$version" ] || $engine rmi "$version" >/dev/null 2>&1
}

# given FILE: the words of a file, those that this host has no use for left out, and numbers for
# the names of accounts that only this host knows.
given() {
  passed_on=$(awk '$5 == "/" && / (shared|master):/ { print "yes"; exit }' /proc/self/mountinfo)
  while IFS=' ' read -r needed word; do
    [ "$needed" = - ] || [ -e "$(printf '%b' "${needed#\?}")" ] || continue
    case $word in
    *--group-add=@group:*)
      name=${word#*@group:}
      word="--group-add=$(getent group "${name%%@*}" | cut -d: -f3)"
      ;;
    esac
    # Where mounts are not passed on at all, as without systemd, there is nothing to follow.
    [ "$passed_on" = yes ] || word=$(printf '%s' "$word" | sed 's/,bind-propagation=rslave//')
    printf ' %s' "$word"
  done <"$1" | sed "s/@uid@/$(id -u "$user")/g; s/@gid@/$(id -g "$user")/g; s/@groups@/$(id -G "$user" | tr ' ' ,)/g"
}

# A checker, in a container that is thrown away.
docker_check() {
  eval "$engine run $(given "$box/rehearsal") $1"
}

# A run that was cut off left the former container, or its note of what ran before. Unless the
# new one became healthy, the former one is what worked last, and the new one is made again.
docker_remember_cut_off() {
  $engine rm -f "$container.new" >/dev/null 2>&1
  parked=$(shown '{{.Id}}' "$container.former")
  [ -n "$parked" ] || [ -f "$saved/former" ] || return 0
  if docker_settled; then
    $engine rm -f "$container.former" >/dev/null 2>&1
    return 0
  fi
  action=restart
  [ -n "$parked" ] || return 0
  # Not beside a unit that has its ports and its data.
  docker_unpark && [ -z "$twin" ] && $engine start "$container" >/dev/null 2>&1
  return 0
}

# The container itself is kept: there is nothing to note.
docker_remember() { :; }

network_there() {
  $engine network inspect "$network" >/dev/null 2>&1 ||
    $engine network create --label stackwatch.network=yes "$network"
}

# Podman has no daemon: systemd starts its containers after a reboot.
comes_back() { [ "$engine" != podman ] || systemctl enable --quiet podman-restart.service; }

make_container() { eval "$engine create --name $container.new $(given "$box/service")"; }

docker_install() {
  [ "$action" = restart ] || return 0
  step "cannot make the network $network" network_there || return 1
  step "cannot enable podman-restart.service" comes_back || return 1
  step "cannot make the container" make_container || return 1
  taken && return 1
  return 0
}

# Whether another program has a port that the new container publishes and the present one does
# not: told before anything is stopped.
taken() {
  published "$container.new" >"$box/published"
  while read -r port address; do
    # At whatever address: it goes with the present container.
    published "$container" | grep -q "^$port " && continue
    listening "$port" "$address" || continue
    # It has it for the service that this one takes the place of.
    [ -z "$twin" ] || return 1
    seen="port $port is taken by another program on this host"
    return 0
  done <"$box/published"
  return 1
}

# listening PORT [ADDRESS]: whether somebody does, there or on all addresses.
# https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
listening() {
  address=${2:-}
  [ "$address" != 0.0.0.0 ] || address=
  wanted=$(printf '%s' "$address" | awk -F. 'NF == 4 { printf "%02X%02X%02X%02X", $4, $3, $2, $1 }')
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port=":$(printf '%04X' "$1")" -v every="${address:+no}" -v wanted="$wanted" '
      $4 == "0A" && substr($2, length($2) - 4) == port {
        address = substr($2, 1, length($2) - 5)
        if (every == "" || address ~ /^0+$/ || address == wanted) found = 1
      }
      END { exit !found }'
}

# Ports and addresses of the host that a container has.
published() {
  # shellcheck disable=SC2016  # it is Go's template that has variables
  shown '{{range $port, $to := .HostConfig.PortBindings}}{{range $to}}{{.HostPort}} {{.HostIp}}{{"\n"}}{{end}}{{end}}' "$1" | sed '/^ *$/d' | sort -u
}

# Out of service, and kept.
docker_park() {
  docker_there || return 0
  # Or an engine that is started anew in between would start it, too.
  $engine update --restart=no "$container" >/dev/null 2>&1
  $engine stop "$container" >/dev/null && $engine rename "$container" "$container.former"
}

# The one that was parked under its name again, not started.
docker_unpark() {
  $engine rm -f "$container" >/dev/null 2>&1
  $engine rename "$container.former" "$container" && $engine update --restart=always "$container" >/dev/null
}

docker_start() {
  if [ -n "$(shown '{{.Id}}' "$container.new")" ]; then
    disturbed=yes
    seen=$(docker_park 2>&1) || return 1
    seen=$($engine rename "$container.new" "$container" 2>&1) || return 1
  fi
  seen=$($engine start "$container" 2>&1) && docker_mark_loaded
}

docker_signal() {
  [ "$reload_signal" = 0 ] || seen=$($engine kill --signal "$reload_signal" "$container" 2>&1)
}

docker_mark_loaded() {
  link=$(readlink "$etc/live")
  echo "${link##*/} $(started_at)" >"$container_loaded"
}

docker_last_words() {
  echo "last lines of container $container:"
  $engine logs --since "$started" --tail 15 "$container" 2>&1
}

# The new one is no good.
docker_drop() { $engine rm -f "$container.new" "$container" >/dev/null 2>&1; }

# The former one again, not started.
docker_restore() {
  $engine rm -f "$container.new" >/dev/null 2>&1
  if [ -n "$(shown '{{.Id}}' "$container.former")" ]; then
    docker_unpark
  else
    # It could not be stopped: that it is not started again was for as long as it was parked.
    $engine update --restart=always "$container" >/dev/null 2>&1
  fi
}

docker_restore_programs() { :; }

# Nothing of it is to stay.
docker_discard() {
  $engine rm -f "$container" "$container.former" "$container.new" >/dev/null 2>&1
  rm -f "$container_loaded"
  docker_tidy_images
}

# docker_tidy_images [ID]...: all images of the component but these go, whatever they are called.
docker_tidy_images() {
  $engine image ls --no-trunc --quiet --filter "label=stackwatch.component=$component" | sort -u |
    while read -r old; do
      case " $* " in *" $old "*) ;; *) forget_image "$old" >/dev/null 2>&1 ;; esac
    done
  return 0
}

docker_tidy() {
  $engine rm -f "$container.former" "$container.new" >/dev/null 2>&1
  # Programs of a unit, and what this run came with.
  rm -rf "${opt:?}"/* "$opt"/.[!.]*
  # shellcheck disable=SC2086  # one word each
  docker_tidy_images $image_ids
}
