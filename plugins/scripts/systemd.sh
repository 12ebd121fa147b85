#!/bin/sh
# What converge.sh does with a component that runs as a unit. Functions of docker.sh have the
# same names behind another prefix; each says there what it is for.
# shellcheck disable=SC2154,SC2034
unit=stackwatch-$component.service
unit_file=/etc/systemd/system/$unit
unit_loaded=/run/stackwatch-$component/loaded

systemd_running_spec() {
  pid=$(systemctl show -p MainPID --value "$unit" 2>/dev/null)
  [ "${pid:-0}" = 0 ] || tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^STACKWATCH_SPEC=//p'
}

systemd_loaded() { cat "$unit_loaded" 2>/dev/null; }

systemd_process() {
  pid=$(systemctl show -p MainPID --value "$unit")
  [ "$pid" = 0 ] || ! systemctl is-active --quiet "$unit" || echo "$pid"
}

systemd_deaths() { systemctl show -p NRestarts --value "$unit"; }

systemd_there() { [ -f "$unit_file" ]; }

systemd_settled() { grep -qF "STACKWATCH_SPEC=$1" "$unit_file"; }

systemd_programs_there() { [ -d "$opt/$version" ]; }

# Programs that were sent for nothing: the version in force is another one.
systemd_forget_programs() { [ "$(readlink "$opt/current")" = "$version" ] || rm -rf "${opt:?}/$version"; }

systemd_check() {
  eval "setpriv --reuid=$user --regid=$user --init-groups --no-new-privs $1"
}

systemd_remember_cut_off() { :; }

systemd_remember() { cp -p "$unit_file" "$saved/unit"; }

unit_in() {
  cp "$box/service" "$unit_file.swap" && chmod 0644 "$unit_file.swap" && mv -fT "$unit_file.swap" "$unit_file" &&
    cmp -s "$box/service" "$unit_file"
}

systemd_install() {
  disturbed=yes
  step "cannot link the version" relink "$version" "$opt/current" || return 1
  changed=no
  if [ -f "$box/service" ]; then
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
}

systemd_start() {
  systemctl reset-failed "$unit" 2>/dev/null
  # A restart that asks for a start and a stop at once fails while the unit is gone: that is an answer too.
  seen=$(systemctl restart "$unit" 2>&1)
}

systemd_signal() { seen=$(systemctl reload "$unit" 2>&1); }

systemd_mark_loaded() { readlink "$etc/live" >"$unit_loaded"; }

systemd_last_words() {
  echo "last journal lines of $unit:"
  journalctl -u "$unit" --since "@$started" -n 15 --no-pager -o cat 2>/dev/null
}

systemd_park() {
  systemctl disable --now --quiet "$unit" 2>/dev/null
  rm -f "$unit_file"
  systemctl daemon-reload
}

systemd_drop() { systemd_park; }

systemd_restore() {
  [ -f "$saved/unit" ] || return 0
  cp -p "$saved/unit" "$unit_file"
  systemctl daemon-reload
  systemctl enable --quiet "$unit" 2>/dev/null
}

systemd_restore_programs() { # OLD_VERSION
  if [ -n "$1" ]; then
    if [ -e "$opt/.replaced" ] && [ "$1" = "$version" ]; then
      rm -rf "${opt:?}/$version"
      mv "$opt/.replaced" "$opt/$version"
    fi
    relink "$1" "$opt/current"
  else
    rm -f "$opt/current"
  fi
  [ "$1" = "$version" ] || rm -rf "${opt:?}/$version"
  rm -rf "$opt/.replaced"
}

systemd_discard() { systemd_park; }

systemd_tidy() {
  for folder in "$opt"/* "$opt"/.[!.]*; do
    case ${folder##*/} in
    current | "$version") ;;
    *) rm -rf "$folder" ;;
    esac
  done
}
