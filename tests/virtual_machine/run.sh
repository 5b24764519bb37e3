#!/bin/bash
# run.sh FOLDER TEST FILE... boots Debian's own kernel in a small virtual machine and runs TEST in it, as root.
#
# Model:   the machine is emulated in software, so it needs nothing of this one's kernel. What it has is in memory: TEST and the
#          other FILEs with their libraries at the paths they have here, busybox, openssl, PAM, modules of the kernel, and of
#          /etc what accounts need: the test accounts, for all but the first step is done under private_etc.sh.
# FOLDER:  where the kernel is kept, which is fetched once as a package and unpacked, never installed. That comes first: under
#          private_etc.sh no name of a host can be looked up.
# Without: chacha20poly1305, so that there is a cipher which this kernel does not know.
# Status:  TEST's own; 77, and the reason on standard error, where such a machine cannot be had.
set -euo pipefail

inside=no
if [[ $1 == --inside ]]; then
  inside=yes
  shift
fi
folder=$1
shift
source=$(dirname "$(realpath "$0")")
patience=240 # seconds, of which a usual run takes a third

skip() {
  echo "run.sh: $1" >&2
  exit 77
}

check_machine() {
  local name
  for name in qemu-system-x86_64 busybox cpio dpkg apt-get; do
    [[ -n $(PATH=$PATH:/usr/sbin:/sbin command -v "$name") ]] || skip "$name is not installed"
  done
  [[ $(dpkg --print-architecture) == amd64 ]] || skip "only amd64 is emulated"
}

# The kernel's package unpacked in FOLDER/kernel, whoever fetches it first.
fetch_kernel() {
  local package made quick=(-o APT::Sandbox::User=root -o Acquire::Retries=0 -o Acquire::http::Timeout=10)
  exec 9>"$folder/lock"
  flock 9
  if [[ -e $folder/kernel ]]; then return; fi
  package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
  [[ -n $package ]] || skip "apt knows no package linux-image-cloud-amd64"
  made=$(mktemp -d "$folder/kernel.XXXXXX")
  (cd "$made" && timeout 60 apt-get -qq "${quick[@]}" download "$package" >/dev/null 2>&1) || {
    rm -rf "$made"
    skip "apt-get cannot download $package"
  }
  dpkg -x "$made"/*.deb "$made/unpacked"
  mv "$made/unpacked" "$folder/kernel"
  rm -rf "$made"
}

# To the path it has here, without what only a debugger wants.
add_file() {
  local target=$root$1
  if [[ -e $target ]]; then return; fi
  mkdir -p "$(dirname "$target")"
  cp -L "$1" "$target"
  if [[ $(head -c 4 "$1") == $'\x7fELF' ]] && command -v strip >/dev/null; then strip --strip-debug "$target" 2>/dev/null || :; fi
}

add_program() {
  local library
  add_file "$1"
  while read -r library; do add_file "$library"; done < <({ ldd "$1" 2>/dev/null || :; } | grep -o '/[^ ]*')
}

add_accounts() {
  local file
  mkdir -p "$root/etc"
  for file in passwd group shadow gshadow nsswitch.conf login.defs hosts security pam.d homes; do
    if [[ -e /etc/$file ]]; then cp -R --preserve=mode,ownership,links "/etc/$file" "$root/etc/"; fi
  done
}

add_modules() {
  local modules release module
  modules=$(echo "$folder"/kernel/lib/modules/*)
  release=$(basename "$modules")
  mkdir -p "$root/lib/modules/$release"
  for module in "$modules"/kernel/crypto/*.ko "$modules"/kernel/arch/x86/crypto/*.ko "$modules"/kernel/lib/crypto/*.ko "$modules"/kernel/net/tls/*.ko; do
    if [[ -e $module && $(basename "$module") != chacha20poly1305.ko ]]; then cp "$module" "$root/lib/modules/$release/"; fi
  done
  busybox depmod -b "$root" "$release"
}

make_root() {
  local file
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,root,usr/lib/ssl}
  ln -s bin "$root/sbin"
  add_program "$(command -v busybox)"
  cp "$(command -v busybox)" "$root/bin/busybox"
  cp "$source/init.sh" "$root/init"
  : >"$root/usr/lib/ssl/openssl.cnf"
  for file in "$@" "$(command -v openssl)"; do add_program "$file"; done
  for file in /usr/lib/*/security/pam_unix.so /lib/*/security/pam_unix.so; do
    if [[ -e $file ]]; then add_program "$file"; fi
  done
  add_accounts
  add_modules
}

# What TEST has to say comes out of the machine's console, with the ends of lines that a console has.
boot() {
  local kernel
  kernel=$(echo "$folder"/kernel/boot/vmlinuz-*)
  timeout "$patience" qemu-system-x86_64 -accel tcg -cpu max -m 768 -smp 1 -nographic -no-reboot -nodefaults -serial stdio \
    -kernel "$kernel" -initrd "$work/root.cpio" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable -- $1" </dev/null | tr -d '\r' | sed --unbuffered -n '/virtual machine: [0-9]/,$ { s/.*\(virtual machine:\)/\1/; p }'
}

main() {
  check_machine
  mkdir -p "$folder"
  fetch_kernel
  exec 9>&- # others need not wait any longer
  exec "$source/../support/private_etc.sh" "$source/run.sh" --inside "$folder" "$@"
}

run_machine() {
  work=$(mktemp -d /tmp/usher-vm.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  root=$work/root
  mapfile -t files < <(realpath --no-symlinks "$@")
  make_root "${files[@]}"
  (cd "$root" && find . | cpio -o -H newc --quiet) >"$work/root.cpio"
  boot "${files[0]}" | tee "$work/said"
  status=$(sed -n 's/^virtual machine: status //p' "$work/said")
  exit "${status:-1}"
}

if [[ $inside == yes ]]; then run_machine "$@"; else main "$@"; fi
