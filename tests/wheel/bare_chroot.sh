#!/usr/bin/env bash
# Installs the wheel of dist/ in a bare Debian 12 that has only python3-venv, counts the words of the book there and
# compares with a count that shares no code. Run ./dev wheel before. usage: sudo tests/wheel/bare_chroot.sh
set -euo pipefail
# shellcheck source=../fresh/chroot.sh
source "$(dirname "${BASH_SOURCE[0]}")/../fresh/chroot.sh"

shopt -s nullglob
wheels=("$project"/dist/pyflinkpp-*.whl)
if [ ${#wheels[@]} -ne 1 ]; then
  echo "$0: exactly one wheel in dist/ is needed: run ./dev wheel" >&2
  exit 1
fi

fresh_debian python3-venv
cp "${wheels[0]}" "$project/examples/word_count.py" "$project/examples/data/jane_austen.txt" "$debian/srv"

echo "==> installing ${wheels[0]##*/} with pip"
inside python3 -m venv /srv/venv
inside /srv/venv/bin/pip install --quiet --disable-pip-version-check "/srv/${wheels[0]##*/}"
inside /srv/venv/bin/pip list --disable-pip-version-check

echo "==> word count"
inside /srv/venv/bin/python /srv/word_count.py --input /srv/jane_austen.txt --output /srv/out

# The last count of each word, from the part files that a reader would see; the other count with tr and sort.
find "$debian/srv/out" -type f ! -name '.*' ! -name '_*' -exec cat {} + |
  sed -E 's/^\((.*),([0-9]+)\)$/\2 \1/' | LC_ALL=C sort -k 2 -k 1,1n |
  awk '{ if (NR > 1 && $2 "" != word) print count, word; word = $2; count = $1 } END { if (NR) print count, word }' >"$debian/srv/counted"
tr -s '[:space:]' '\n' <"$project/examples/data/jane_austen.txt" | sed '/^$/d' | LC_ALL=C sort | uniq -c |
  awk '{ print $1, $2 }' >"$debian/srv/expected"
LC_ALL=C sort "$debian/srv/counted" >"$debian/srv/counted.sorted"
LC_ALL=C sort "$debian/srv/expected" >"$debian/srv/expected.sorted"
cmp "$debian/srv/counted.sorted" "$debian/srv/expected.sorted"
[ -s "$debian/srv/expected" ]
echo "ok: $(wc -l <"$debian/srv/expected") words counted alike"
