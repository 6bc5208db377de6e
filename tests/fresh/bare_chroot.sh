#!/usr/bin/env bash
# The two commands of the README as a new user types them: ./dev demo and ./dev test in a bare Debian 12 that has only
# python3. Takes a quarter of an hour or more: it compiles everything. usage: sudo tests/fresh/bare_chroot.sh [COMMAND...]
set -euo pipefail
# shellcheck source=chroot.sh
source "$(dirname "${BASH_SOURCE[0]}")/chroot.sh"

[ $# -gt 0 ] || set -- demo test
fresh_debian python3
checkout=/srv/checkout
mkdir "$debian$checkout"
tar -C "$project" --exclude=./.git --exclude=./.venv --exclude=./build --exclude=./dist --exclude=__pycache__ \
  --exclude='./.*_cache' -c . | tar -C "$debian$checkout" -x --no-same-owner
for name; do
  echo "==> ./dev $name"
  inside "$checkout/dev" "$name"
done
echo "ok: ./dev $*"
