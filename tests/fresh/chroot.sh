# shellcheck shell=bash
# A bare Debian 12 in a temporary folder, for the scripts that source this file. Needs root, debootstrap and unshare.
#
#   fresh_debian PACKAGE...   makes it (in a mount namespace of its own, removed at exit) with these packages
#   inside COMMAND...         runs a command in it: a clean environment, the host's registry settings
#   $debian                   its root folder; $project the folder of the checkout
#
# The mirror, pip's configuration, proxies and CA certificates are the host's own, whatever they are.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [ "$(id -u)" -ne 0 ]; then
  echo "$0: run as root (debootstrap and chroot need it)" >&2
  exit 1
fi
for tool in debootstrap unshare chroot; do
  command -v "$tool" >/dev/null || {
    echo "$0: $tool is missing: apt-get install debootstrap util-linux" >&2
    exit 1
  }
done
if [ -z "${FRESH_DEBIAN_NAMESPACE:-}" ]; then
  FRESH_DEBIAN_NAMESPACE=1 exec unshare --mount --propagation private bash "$0" "$@"
fi

# The host's mirror of Debian 12, empty (debootstrap's own default) on another system.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Label: Debian' 2>/dev/null |
    head -n 1
}

remove_debian() {
  local mounted
  for mounted in proc sys dev/shm dev/pts dev; do
    umount "$debian/$mounted" 2>/dev/null || true
  done
  rm -rf --one-file-system "$debian"
}

# copy_in FILE...: copies files of the host that exist to the same place inside.
copy_in() {
  local file
  for file; do
    if [ -f "$file" ]; then
      mkdir -p "$debian$(dirname "$file")"
      cp -L "$file" "$debian$file"
    fi
  done
}

fresh_debian() {
  local packages
  packages=$(IFS=, && echo "ca-certificates,$*")
  debian=$(mktemp -d "${TMPDIR:-/tmp}/fresh-debian.XXXXXX")
  trap remove_debian EXIT
  echo "==> debootstrap: minbase and $packages"
  # shellcheck disable=SC2046
  debootstrap --variant=minbase --include="$packages" bookworm "$debian" $(mirror) >"$debian.log" 2>&1 || {
    tail -n 20 "$debian.log" >&2
    return 1
  }
  rm -f "$debian.log"
  mount --bind /dev "$debian/dev"
  mount -t tmpfs tmpfs "$debian/dev/shm"
  mount -t proc proc "$debian/proc"
  copy_in /etc/resolv.conf /etc/hosts /etc/pip.conf
  local user_pip
  for user_pip in "${PIP_CONFIG_FILE:-}" "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf"; do
    if [ -f "$user_pip" ]; then cat "$user_pip" >>"$debian/etc/pip.conf"; fi
  done
  local name
  for name in PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE; do
    copy_in "${!name:-}"
  done
  copy_in /etc/ssl/certs/ca-certificates.crt
  chmod 755 "$debian"
}

inside() {
  local name settings=()
  for name in $(compgen -e); do
    case $name in
      PIP_CONFIG_FILE | PIP_FIND_LINKS) ;;
      PIP_* | SSL_CERT_FILE | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | *_proxy | *_PROXY) settings+=("$name=${!name}") ;;
    esac
  done
  chroot "$debian" /usr/bin/env -i HOME=/srv LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" "$@"
}
