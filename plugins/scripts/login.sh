#!/bin/sh
# Stands before scripts that log in.

# login USER FILE: what curl reads with -K, so that the password in FILE stands in no argument.
# Nothing for no USER.
login() {
  [ -z "$1" ] ||
    printf 'user = "%s:%s"\n' "$(escaped "$1")" "$(escaped "$(cat "$2")")"
}

escaped() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
