#!/usr/bin/env bash
# The other versions of PostgreSQL (besides make check, which tests this machine's):
# compiles with clang, then makes an empty Debian of each other release with debootstrap, has
# the one test command install, compile and test there, and moves a replica of this machine's
# version to that one with pg_upgrade and with a dump.
#
#   test/versions.sh [SECONDS]     how long it may take (25 minutes by default)
#   MLS_SUITES='sid'               these releases of Debian only
#   MLS_KEEP=1                     keeps the trees
#
# What this machine or the time does not allow is said in one line and fails nothing; a
# test that fails there fails here.  The last line counts the tests that ran.  Needs root,
# as chroot and mount do.  Mounts and processes are in namespaces of their own: however
# this ends, none of them is left.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/packages.sh"
limit=${1:-1500}

# Releases of Debian, and what is tested there: a quick file for each room.  Optimizing
# takes longer than it saves.
suites=${MLS_SUITES:-trixie sid bookworm}
core='regress 010 020 030 040_ 045 050 017_rets_objects 018_qobrix_session 190 203'
cheap='COPT=-O1 MAKEFLAGS=-j2'

not_run() { echo "versions: $1: not run: $2"; }
left() { echo $((limit > SECONDS ? limit - SECONDS : 1)); }
passed=0
failed=0
count() { # count PASSED FAILED
	passed=$((passed + $1))
	failed=$((failed + $2))
}

if [ "$(id -u)" -ne 0 ]; then
	not_run "$suites" 'needs root'
	exit 0
fi
if [ -z "${MLS_VERSIONS_INSIDE:-}" ]; then
	if ! unshare --mount --pid --fork true 2>/dev/null; then
		not_run "$suites" 'this machine allows no namespaces'
		exit 0
	fi
	work=$(mktemp -d /tmp/mls_fdw_versions.XXXXXX)
	chmod 755 "$work"
	trap '[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM
	MLS_VERSIONS_INSIDE=$work unshare --mount --pid --fork --kill-child \
		bash "$top/test/versions.sh" "$limit"
	exit
fi
work=$MLS_VERSIONS_INSIDE

# ---- this machine's own version: built by the other compiler, and kept to upgrade from ----

build_with_clang() {
	if ! command -v clang >/dev/null; then
		not_run clang 'it is not installed'
		return 0
	fi
	copy_project "$top" "$work/clang"
	# The flags that PostgreSQL was built with can be another compiler's.  Its Makefile names
	# the compiler as well: only what is said to make itself stands above that.
	local status=0
	MLS_CFLAGS='-Werror -Wno-unknown-warning-option -Wno-ignored-attributes -Wno-unused-command-line-argument -Wno-ignored-optimization-argument' \
		env COPT=-O1 MAKEFLAGS='-j2 CC=clang' timeout -k 10 "$(left)" bash "$work/clang/test/tmp_install.sh" "$work/old/root" \
		>"$work/old_bin" 2>"$work/clang.log" || status=$?
	rm -rf "$work/clang"
	if [ "$status" -eq 0 ]; then
		count 1 0
		echo "versions: compiled with clang without a warning, $SECONDS s"
		return 0
	fi
	: >"$work/old_bin"
	if [ "$status" -eq 124 ]; then not_run clang 'no time is left'; else
		count 0 1
		cat "$work/clang.log"
		echo 'versions: it does not compile with clang'
	fi
}

# The old programs run where other releases of the libraries are: they bring theirs, but not
# the C library, which is newer there.
collect_old() {
	local bin program file
	bin=$(cat "$work/old_bin")
	mkdir -p "$work/old/bin" "$work/old/lib"
	for file in "$bin"/* "$("$bin/pg_config" --pkglibdir)"/*.so; do
		ldd "$file" 2>/dev/null || true
	done | awk '$3 ~ /^\// {print $3}' | sort -u |
		grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|libutil)\.so' |
		xargs -I LIBRARY cp -L LIBRARY "$work/old/lib/"
	for program in "$bin"/*; do
		file=$work/old/bin/$(basename "$program")
		printf '#!/bin/sh\nLD_LIBRARY_PATH=/old/lib exec "/old/root%s" "$@"\n' "${program#"$work/old/root"}" >"$file"
		chmod 755 "$file"
	done
}

# ---- an empty Debian of another release ----

# Where this machine gets its packages: the same place has the other releases.
mirror() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's/^Debian|Debian|\(https\{0,1\}:.*\)/\1/p' | head -n 1 | grep . || echo http://deb.debian.org/debian
}

make_tree() { # make_tree SUITE TREE
	local suite=$1 tree=$2 proxy
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[ -z "${proxy:-}" ] || export http_proxy=$proxy https_proxy=$proxy
	timeout -k 10 "$(left)" debootstrap --variant=minbase --include=ca-certificates "$suite" "$tree" "$(mirror)" || return 1
	# A mirror may have stood still for a while, and nothing here has to survive a power failure.
	apt-config dump | grep -E '^Acquire::[a-z]+::Proxy ' >"$tree/etc/apt/apt.conf.d/99versions" || true
	echo 'Acquire::Check-Valid-Until "false";' >>"$tree/etc/apt/apt.conf.d/99versions"
	echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/99versions"
	printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
	chmod 755 "$tree/usr/sbin/policy-rc.d"
	mount -t tmpfs tmpfs "$tree/dev/shm" || return 1
	copy_project "$top" "$tree/mls_fdw"
	inside "$tree" -c 'set -e; . /mls_fdw/test/packages.sh; install_packages nginx apache2-bin openssl'
}

# Nothing is set there: what the scripts need they set themselves.  All that was started
# there ends with its first process, be it that the time is over.
inside() { # inside TREE ARGUMENT... (of bash)
	local tree=$1
	shift
	timeout --foreground -s KILL "$(left)" unshare --mount --pid --fork --kill-child --mount-proc="$tree/proc" \
		chroot "$tree" /usr/bin/env -i /bin/bash "$@"
}

# Both cores have something to do: trees are made side by side.
make_trees() {
	local suite
	for suite in $suites; do
		[ "$suite" != "$own" ] || continue
		{
			make_tree "$suite" "$work/$suite" >"$work/$suite.log" 2>&1 && touch "$work/$suite.made"
		} &
	done
	wait
}

test_in() { # test_in SUITE
	local suite=$1 tree=$work/$1 log=$work/$1.log status=0 version old='' began=$SECONDS p f
	if [ "$(left)" -lt 120 ]; then
		not_run "$suite" 'no time is left'
		return 0
	fi
	if [ ! -e "$work/$suite.made" ]; then
		not_run "$suite" "it could not be made here: $(grep -E '^(E|W): |rror' "$log" | tail -n 1 | grep . || tail -n 1 "$log")"
		return 0
	fi
	version=$(inside "$tree" -c '. /mls_fdw/test/packages.sh; postgresql_version')
	if [ -s "$work/old_bin" ] && [ "$version" -gt "$(postgresql_version)" ]; then
		cp -a "$work/old" "$tree/old"
		old=MLS_OLD_INSTALL=/old
	fi
	inside "$tree" -c "export $cheap MLS_TESTS='$core' $old; exec bash /mls_fdw/test/check.sh" >"$log" 2>&1 || status=$?
	# Each part that ended has its line, whether or not all of them did.
	read -r p f < <(awk '/^[0-9a-z_]+: [0-9]+ passed, [0-9]+ failed, / {p += $2; f += $4} END {print p + 0, f + 0}' "$log")
	if [ "$status" -ne 0 ] && [ "$status" -ne 137 ] && [ "$f" -eq 0 ]; then f=1; fi
	if [ "$f" -eq 0 ]; then grep -E ' passed, [0-9]+ failed, | not run|# SKIP' "$log" || true; else cat "$log"; fi |
		sed "s/^/$suite: /"
	count "$p" "$f"
	[ "$status" -ne 137 ] || not_run "the rest on $suite" 'no time is left'
	echo "versions: PostgreSQL $version on $suite: $p passed, $f failed, $((SECONDS - began)) s"
	umount "$tree/dev/shm" || true
	[ -n "${MLS_KEEP:-}" ] || rm -rf "$tree"
}

own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
if [ "$(left)" -lt 600 ]; then
	not_run "$suites" "it takes ten minutes, and $(left) s are left"
	exit 0
fi
build_with_clang
[ ! -s "$work/old_bin" ] || collect_old
if timeout -k 10 "$(left)" bash -c "set -e; . '$top/test/packages.sh'; install_packages debootstrap" >"$work/packages.log" 2>&1; then
	make_trees
	echo "versions: trees are made, $SECONDS s"
	for suite in $suites; do
		[ "$suite" = "$own" ] || test_in "$suite"
	done
else
	not_run "$suites" "debootstrap could not be installed: $(tail -n 1 "$work/packages.log")"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
