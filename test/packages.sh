# The environment that the scripts need, and what the project needs of Debian's packages;
# sourced by check.sh, demo.sh, versions.sh and .ci/run.
# Does nothing where everything is there.  A cluster that the PostgreSQL package would
# create on a machine without one is not created.

# Under "env -i" there is nothing, and elsewhere settings of the user's own clusters.
export PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
# LANG as well: pg_regress takes LC_ALL away.
export HOME=${HOME:-/} LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC
for name in "${!PG@}"; do [[ $name == PG_* ]] || unset "$name"; done

# Whoever waits sees what for, and for how long already.
say() { echo "[$SECONDS s] $*"; }

# What a command says is of interest when it fails.
quietly() {
	local log status=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || cat "$log" >&2
	rm -f "$log"
	return "$status"
}

mls_packages=(postgresql libcurl4-openssl-dev libdeflate-dev libxml2-dev zlib1g-dev
	libmariadb-dev libmicrohttpd-dev libpq-dev libjson-c-dev libssl-dev curl libxml2-utils
	ca-certificates pkg-config gcc make python3 python3-yaml python3-jinja2 perl libipc-run-perl procps)

# The project as the tests need it, without what was built.
copy_project() { # copy_project FROM TO
	mkdir -p "$2"
	(cd "$1" && find . \( -name .git -o -name '*.o' -o -name '*.so' -o -name '*.bc' -o -name __pycache__ \) \
		-prune -o -type f -print0 | tar cf - --null -T -) | tar xf - -C "$2"
}

# The version that Debian's package "postgresql" stands for.
postgresql_version() {
	dpkg-query -W -f='${Depends}' postgresql | grep -o 'postgresql-[0-9]*' | head -1 | cut -d- -f2
}

# install_missing SUDO PACKAGE...
install_missing() {
	local missing=() package sudo=$1
	shift
	for package in "$@"; do
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return
	say "installing, which takes a minute or two: ${missing[*]}" >&2
	# sudo forgets the environment.
	sudo="$sudo env DEBIAN_FRONTEND=noninteractive"
	quietly $sudo apt-get update
	if [[ " ${missing[*]} " == *" postgresql "* ]]; then
		quietly $sudo apt-get install -y --no-install-recommends postgresql-common
		$sudo mkdir -p /etc/postgresql-common/createcluster.d
		echo 'create_main_cluster = false' |
			$sudo tee /etc/postgresql-common/createcluster.d/mls_fdw.conf >/dev/null
	fi
	# Nor do servers of the tests become services of the machine.
	local policy=/usr/sbin/policy-rc.d made=
	if [[ " ${missing[*]} " =~ \ (nginx|mariadb-server)\  && ! -e $policy ]]; then
		printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
		$sudo chmod 755 $policy
		made=1
	fi
	quietly $sudo apt-get install -y --no-install-recommends "${missing[@]}"
	if [ -n "$made" ]; then
		$sudo rm -f $policy
		[ ! -d /run/systemd/system ] || $sudo systemctl -q disable nginx mariadb || true
	fi
	$sudo rm -f /etc/postgresql-common/createcluster.d/mls_fdw.conf
}

# install_packages [FURTHER...]
install_packages() {
	local sudo=
	[ "$(id -u)" -eq 0 ] || sudo=sudo
	install_missing "$sudo" "${mls_packages[@]}" "$@"
	install_missing "$sudo" "postgresql-server-dev-$(postgresql_version)" \
		"postgresql-$(postgresql_version)-cron"
}

# PostgreSQL refuses to run as root: there, commands run as the user "postgres".
as_user() {
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}
