# What demo, test and bench share: packages, build, and a throwaway cluster.
# To be sourced by bash with -eu; the top of the checkout is in $top.

# Commands of the server run as an ordinary user: it refuses root.
if [ "$(id -u)" = 0 ]; then
	server_user=postgres
	as_root() { "$@"; }
	as_server() (
		cd "$work" # which that user may enter
		exec runuser -u "$server_user" -- env HOME="$work" "$@"
	)
else
	server_user=$(id -un)
	as_root() { sudo "$@"; }
	as_server() { "$@"; }
fi

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# A list of the Makefile: list_of PARTS.
list_of() {
	make -s -C "$top" -f - print <<-MAKE
		include Makefile
		print: ; @echo \$($1)
	MAKE
}

is_installed() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'
}

# Installs the Debian packages that are missing among those named.
need_packages() {
	local missing=()
	local package
	for package; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "please install: ${missing[*]}"
	say "installing ${missing[*]}"
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The major version of the newest server that Debian's packages installed.
newest_server() {
	ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null |
		cut -d / -f 5 | sort -n | tail -n 1 | grep .
}

# The newest server with its headers, or the one that PG_CONFIG names.
find_server() {
	local major
	if [ -z "${PG_CONFIG:-}" ]; then
		newest_server >/dev/null || need_packages postgresql
		major=$(newest_server)
		need_packages "postgresql-server-dev-$major"
		PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config
	fi
	export PG_CONFIG
	bin=$("$PG_CONFIG" --bindir)
	PATH=$bin:$PATH
}

# Libraries that log what the server runs, for the tests of the log guard:
# Debian's, where the server is. Without them those tests are skipped.
want_logging_libraries() {
	local major
	major=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	[ "$("$PG_CONFIG" --pkglibdir)" = "/usr/lib/postgresql/$major/lib" ] || return 0
	(need_packages "postgresql-$major-pgaudit" "postgresql-$major-cron") ||
		say "pgaudit and pg_cron are not to be had here"
}

build_and_install() {
	need_packages make gcc pkg-config libsodium-dev
	find_server
	make -s -C "$top" >&2
	as_root make -s -C "$top" install PG_CONFIG="$PG_CONFIG" >&2
}

# A folder for everything that is thrown away, open to the server's user.
make_work() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/pgbeam.XXXXXX")
	chmod 755 "$work"
	mkdir "$work/server" "$work/keys"
	[ "$(id -u)" != 0 ] || chown "$server_user" "$work" "$work/server" "$work/keys"
	chmod 700 "$work/keys"
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Ends every server below $work, those that a test left behind too.
clean_up() {
	local pidfile
	find "$work" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
		as_server "$bin/pg_ctl" -D "$(dirname "$pidfile")" -m immediate -s stop || true
	done
	rm -rf "$work"
}

# Nothing in the environment may lead psql to another server.
forget_servers() {
	local variable
	for variable in ${!PG*}; do
		[ "$variable" = PG_CONFIG ] || unset "$variable"
	done
}

# Starts a cluster that only a socket in $work leads to.
start_cluster() {
	forget_servers
	as_server "$bin/initdb" -D "$work/server/data" -U postgres -A trust \
		-E UTF8 --locale=C.UTF-8 -N >/dev/null
	as_server sh -c "cat >> '$work/server/data/postgresql.conf'" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$work/server'
		fsync = off
		pgbeam.keyring_file = '$work/keys/keyring'
	CONF
	[ $# = 0 ] || as_server sh -c "cat >> '$work/server/data/postgresql.conf'" < "$1"
	as_server "$bin/pg_ctl" -D "$work/server/data" -l "$work/server/log" -w -s start ||
		die "$(cat "$work/server/log")"
	export PGHOST=$work/server PGUSER=postgres PGDATABASE=postgres
}

stop_cluster() {
	as_server "$bin/pg_ctl" -D "$work/server/data" -m fast -w -s stop
}
