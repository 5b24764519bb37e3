#!/bin/bash
# private_etc.sh COMMAND [ARGUMENT...] runs COMMAND where /etc is a private, writable copy that holds test accounts.
#
# Model:   a mount namespace with a tmpfs over /etc. It ends with its last process, and everything made here ends with it:
#          nothing is left to clean up, the machine's own /etc is never written, any number of these run side by side.
# Root:    the command runs as root, and each account can be become.
# Others:  the command runs as the caller, in a user namespace where no other uid exists: PAM knows every account, but only
#          the caller's own, whose password is set like the others', can be become. USHER_TEST_SINGLE_UID=1 says so.
# Shape:   the password of account NAME is NAME-secret; homes are /etc/homes/NAME; services of /etc/pam.d begin with
#          usher-test. accounts.h has the names for C++.
# Takes:   USHER_TEST_PAM_MODULE, the absolute path of pam_usher_test.so, for the service usher-test-module.
# Exports: USHER_TEST_PRIVATE_ETC=1, USHER_TEST_USER (an account that can be become), USHER_TEST_SINGLE_UID where it holds.
# Status:  COMMAND's own; 77, and the reason on standard error, where the machine allows no such namespace.
set -euo pipefail

# password: sha512 (1,000 rounds, quick) | yescrypt (Debian's default) | locked | empty | none
# changed:  the day the password was last changed; 0 means that it must be changed at the next login
# expires:  the day the account ends, or -
# home:     own | private (0700, with files in it) | missing
#
# name            uid         password  changed  expires  home     shell               full name
accounts="
normal            7001        sha512    today    -        own      /bin/sh             Norma L. Normal,Room 7,,
second            7002        sha512    today    -        own      /bin/bash           Second User
yescrypt          7003        yescrypt  today    -        own      /bin/sh             Default Hash
locked            7004        locked    today    -        own      /bin/sh             Locked Account
nopassword        7005        empty     today    -        own      /bin/sh             No Password
mustchange        7006        sha512    0        -        own      /bin/sh             Must Change
expired           7007        sha512    today    100      own      /bin/sh             Expired Account
hugeuid           3000000001  sha512    today    -        own      /bin/sh             Uid Above 2^31
manygroups        7009        sha512    today    -        own      /bin/sh             In 1,100 Groups
homeless          7010        sha512    today    -        missing  /bin/sh             No Home Directory
private           7011        sha512    today    -        private  /bin/sh             Private Home
nologin           7012        sha512    today    -        own      /usr/sbin/nologin   No Shell
primary           7013        sha512    today    -        own      /bin/sh             Member By Primary Group
oath              7014        sha512    today    -        own      /bin/sh             One-time Codes
Odd.na-me_9\$      7015        sha512    today    -        own      /bin/sh             Odd But Legal
usher             7901        none      today    -        missing  /usr/sbin/nologin   Usher
usher-login       7902        none      today    -        missing  /usr/sbin/nologin   Usher login processes
"

# Besides one group for each account, with its name and number.
# name     gid   members
groups="
clerks     7101  normal,second
trainees   7102  second
nobodies   7103
from-pam   7104
"
primary_group="primary 7101"  # account and gid: in the group clerks without being listed there
first_of_many=20000
many=1100

# Source: the test key of RFC 4226, appendix D; its first codes are 755224, 287082, 359152, 969429, 338314.
oath_users="HOTP oath - 3132333435363738393031323334353637383930"

main() {
  if [[ ${1-} != --inside ]]; then enter "$@"; fi
  shift
  IFS=: read -r caller_name caller_uid caller_gid caller_group <<<"$USHER_TEST_CALLER"
  cover_etc
  make_accounts
  make_homes
  make_services
  leave_for "$@"
}

# Runs this script again inside the namespaces.
enter() {
  local namespaces=(--mount --propagation private)
  if ((EUID != 0)); then namespaces+=(--user --map-root-user); fi
  if ! unshare "${namespaces[@]}" true 2>/dev/null; then
    echo "private_etc.sh: this machine allows no mount namespace to $(id -un)" >&2
    exit 77
  fi
  USHER_TEST_CALLER="$(id -un):$(id -u):$(id -g):$(id -gn)" exec unshare "${namespaces[@]}" -- "$0" --inside "$@"
}

# The working directory goes on naming what the tmpfs covers: no place outside /etc is needed for the copy.
cover_etc() {
  local before=$PWD keep=mode,timestamps,links directory
  if ((caller_uid == 0)); then keep+=,ownership; fi
  cd /etc
  mount -t tmpfs -o mode=755,size=512m usher-test /etc
  cp -R --preserve="$keep" . /etc 2>/dev/null || :  # what the caller may not read is written anew below, or not needed
  cd "$before"
  for directory in /run/faillock /run/nscd; do
    if [[ -d $directory ]]; then mount -t tmpfs -o mode=755 usher-test "$directory"; fi
  done
}

make_accounts() {
  rm -rf /etc/shadow /etc/gshadow /etc/nsswitch.conf /etc/homes
  printf '%s: files\n' passwd group shadow gshadow hosts networks protocols services >/etc/nsswitch.conf
  keep_system_entries /etc/passwd
  keep_system_entries /etc/group
  (umask 037 && sed 's/:.*/:*:19000:0:99999:7:::/' /etc/passwd >/etc/shadow)
  add_accounts
  add_groups
  add_caller
  if ((caller_uid == 0)); then chgrp shadow /etc/shadow; fi
}

# People of this machine, and whoever has a name of the tables above, are not there: tests mean the accounts made here.
keep_system_entries() {
  local names kept
  names=" $caller_name $(awk '{print $1}' <<<"$accounts$groups" | xargs -d '\n') "
  kept=$(awk -F: -v names="$names" '($3 < 1000 || $3 == 65534) && !index(names, " " $1 " ")' "$1")
  printf '%s\n' "$kept" >"$1"
}

add_accounts() {
  local name uid password changed expires home shell full_name gid
  while read -r name uid password changed expires home shell full_name; do
    [[ -n $name ]] || continue
    gid=$uid
    if [[ $primary_group == "$name "* ]]; then gid=${primary_group#* }; fi
    add_account "$name" "$uid" "$gid" "$(hash_of "$name" "$password")" "$changed" "$expires" "$shell" "$full_name"
    echo "$name:x:$uid:" >>/etc/group
  done <<<"$accounts"
}

add_account() {
  local name=$1 uid=$2 gid=$3 hash=$4 changed=${5/today/$today} expires=${6/-/} shell=$7 full_name=$8
  echo "$name:x:$uid:$gid:$full_name:/etc/homes/$name:$shell" >>/etc/passwd
  echo "$name:$hash:$changed:0:99999:7::$expires:" >>/etc/shadow
}
today=$(($(date +%s) / 86400))

hash_of() {
  case $2 in
    sha512) crypt "$1-secret" "\$6\$rounds=1000\$usherusherusher\$" ;;
    yescrypt) crypt "$1-secret" "\$y\$j9T\$usherusherusherusher..\$" ;;
    locked) echo "!$(hash_of "$1" sha512)" ;;
    empty) ;;
    none) echo '*' ;;
  esac
}

crypt() { perl -e 'print crypt($ARGV[0], $ARGV[1])' "$@"; }

add_groups() {
  printf '%s' "$groups" | awk 'NF { print $1 ":x:" $2 ":" $3 }' >>/etc/group
  local number
  for ((number = first_of_many; number < first_of_many + many; number++)); do
    echo "many$number:x:$number:manygroups"
  done >>/etc/group
}

# Root gets a password too: that it is refused nevertheless is for the tests to see.
add_caller() {
  if ((caller_uid == 0)); then
    echo "root:x:0:0:root:/etc/homes/root:/bin/bash" >>/etc/passwd
    echo "root:x:0:" >>/etc/group
    echo "root:$(hash_of root sha512):$today:0:99999:7:::" >>/etc/shadow
  else
    add_account "$caller_name" "$caller_uid" "$caller_gid" "$(hash_of "$caller_name" sha512)" "$today" - /bin/sh "The Caller"
    grep -q "^[^:]*:[^:]*:$caller_gid:" /etc/group || echo "$caller_group:x:$caller_gid:" >>/etc/group
  fi
}

make_homes() {
  local name home
  mkdir /etc/homes
  while read -r name _ _ _ _ home _; do
    if [[ -n $name && $home != missing ]]; then make_home "$name" "$home"; fi
  done <<<"$accounts"
  make_home "$caller_name" own
}

make_home() {
  local home=/etc/homes/$1
  mkdir "$home"
  if [[ $2 == private ]]; then
    printf 'first line\nsecond line\n' >"$home/notes.txt"
    mkdir "$home/letters"
    echo 'Dear Sir' >"$home/letters/one.txt"
    chmod 700 "$home"
  fi
  if ((caller_uid == 0)); then chown -R "$1:" "$home"; fi
}

make_services() {
  local unix_account='account required pam_unix.so' unix_session='session required pam_unix.so'
  local unix="auth required pam_unix.so
$unix_account
password required pam_unix.so sha512 rounds=1000
$unix_session"
  service usher-test "$unix"
  service usher-test-nullok "auth required pam_unix.so nullok" "$unix_account" "$unix_session"
  service usher-test-oath "auth required pam_unix.so" "auth required pam_oath.so usersfile=/etc/oath/users digits=6 window=20" \
    "$unix_account" "$unix_session"
  service usher-test-limits "$unix" "session required pam_limits.so conf=/etc/security/usher-test-limits.conf"
  service usher-test-group "$unix" "auth optional pam_group.so"
  service usher-test-env "$unix" "session required pam_env.so conffile=/etc/security/usher-test-env.conf readenv=0"
  service usher-test-faillock "auth required pam_faillock.so preauth dir=/etc/faillock deny=3 unlock_time=60" \
    "auth [success=1 default=bad] pam_unix.so" \
    "auth [default=die] pam_faillock.so authfail dir=/etc/faillock deny=3 unlock_time=60" \
    "auth sufficient pam_faillock.so authsucc dir=/etc/faillock" \
    "account required pam_faillock.so dir=/etc/faillock" "$unix_account" "$unix_session"
  if [[ -n ${USHER_TEST_PAM_MODULE-} ]]; then make_module_service; fi
  make_module_settings
}

service() {
  local name=$1
  shift
  printf '%s\n' "$@" >"/etc/pam.d/$name"
}

# pam_unix in every phase, and after it the test module, which writes down each call.
make_module_service() {
  local module="$USHER_TEST_PAM_MODULE record=/etc/pam_record" phase
  for phase in auth account password session; do
    printf '%s required pam_unix.so\n%s required %s\n' "$phase" "$phase" "$module"
  done >/etc/pam.d/usher-test-module
  (umask 0 && : >/etc/pam_record)
}

make_module_settings() {
  mkdir -p /etc/oath /etc/faillock /etc/security
  (umask 077 && echo "$oath_users" >/etc/oath/users)
  printf '%s\n' '* soft nofile 200' '* hard nofile 300' '* - core 0' >/etc/security/usher-test-limits.conf
  echo 'USHER_PAM_ENV DEFAULT=from-pam' >/etc/security/usher-test-env.conf
  echo 'usher-test-group;*;*;Al0000-2400;from-pam' >>/etc/security/group.conf
}

leave_for() {
  export USHER_TEST_PRIVATE_ETC=1 USHER_TEST_USER=normal
  unset USHER_TEST_CALLER
  if ((caller_uid == 0)); then exec "$@"; fi
  export USHER_TEST_SINGLE_UID=1 USHER_TEST_USER=$caller_name
  exec unshare --user --map-user="$caller_uid" --map-group="$caller_gid" -- "$@"
}

main "$@"
