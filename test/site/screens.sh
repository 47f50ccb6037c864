#!/usr/bin/env bash
# Makes the pictures of docs/site: all pages in light and dark at 1280 and 390 pixels.  Needs
# Debian's chromium, chromium-driver, pngquant and optipng.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/test/packages.sh"
install_packages pngquant optipng
pictures=$(mktemp -d)
trap 'rm -rf "$pictures"' EXIT
bash "$here/with_site.sh" perl "$here/screens.pl" "$pictures"
for picture in "$pictures"/*.png; do
	pngquant --force --speed 1 --quality 40-90 --output "$picture" 48 "$picture"
	optipng -quiet -o2 -strip all "$picture"
done
mkdir -p "$top/docs/site"
rm -f "$top"/docs/site/*.png
mv "$pictures"/*.png "$top/docs/site/"
chmod 644 "$top"/docs/site/*.png
du -ch "$top"/docs/site/*.png | tail -n 1
