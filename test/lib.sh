# The common part of demo, test and bench: packages, build, and a throwaway
# cluster. For bash with -eu, which sources it with the top of the checkout in
# $top.

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

work=

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

# The packages that Debian has, or none before its lists are there.
known_packages() {
	local package
	for package; do
		! apt-cache show "$package" >/dev/null 2>&1 || echo "$package"
	done
}

# Whether the system's packages and folders can be changed by this user.
can_be_root() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }

# Installs the Debian packages that are missing among those named.
need_packages() {
	local missing=()
	local package
	for package; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "please install: ${missing[*]}"
	can_be_root ||
		die "There is no sudo here. As root, please run: apt-get install ${missing[*]}"
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

# The server's packages, or those of the server that Debian would install.
server_packages() {
	local major
	if [ -n "${PG_CONFIG:-}" ]; then
		return
	elif major=$(newest_server || packaged_server); then
		echo "postgresql-$major" "postgresql-server-dev-$major"
	else
		echo postgresql postgresql-server-dev-all
	fi
}

packaged_server() {
	apt-cache depends postgresql 2>/dev/null |
		sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | grep .
}

# The newest server with its headers, or the one that PG_CONFIG names.
find_server() {
	PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/$(newest_server)/bin/pg_config}
	export PG_CONFIG
	bin=$("$PG_CONFIG" --bindir)
	PATH=$bin:$PATH
}

# A copy of the server in $work, for users who may not install into its own
# folders. Its parts find each other by their relative places.
copy_server() {
	local name folders=()
	for name in bindir pkglibdir sharedir includedir-server; do
		folders+=(".$("$PG_CONFIG" "--$name")")
	done
	mkdir "$work/copy"
	tar cf - -C / "${folders[@]}" | tar xf - -C "$work/copy"
	PG_CONFIG=$work/copy$PG_CONFIG
	find_server
}

# Libraries that log what the server runs, for the tests of the log guard, where
# Debian has them for this server.
logging_packages() {
	local major
	case ${PG_CONFIG:-} in
		'') major=$(newest_server || packaged_server) || return 0 ;;
		/usr/lib/postgresql/*) major=$(cut -d / -f 5 <<< "$PG_CONFIG") ;;
		*) return 0 ;;
	esac
	known_packages "postgresql-$major-pgaudit" "postgresql-$major-cron"
}

# The folder with the server's own support for tests of its kinds.
server_tests() { dirname "$("$PG_CONFIG" --pgxs)" | sed 's|/[^/]*$|/test|'; }

# Fails, and tells what the server lacks for tests of a kind.
has_regress() {
	[ -x "$(server_tests)/regress/pg_regress" ] ||
		{ echo "the server came without pg_regress"; return 1; }
}
has_isolation() {
	[ -x "$(server_tests)/isolation/pg_isolation_regress" ] ||
		{ echo "the server came without pg_isolation_regress"; return 1; }
}
has_tap() {
	grep -q '^enable_tap_tests[[:space:]]*= yes' "$(server_tests)/../Makefile.global" ||
		{ echo "the server was built without TAP tests"; return 1; }
	[ -f "$(server_tests)/perl/PostgreSQL/Test/Cluster.pm" ] ||
		{ echo "the server came without the modules of TAP tests"; return 1; }
}

build_packages='make gcc pkg-config libsodium-dev libpq-dev'

build_and_install() {
	need_packages $build_packages $(server_packages)
	find_server
	make -s -C "$top" >&2
	if [ -w "$("$PG_CONFIG" --pkglibdir)" ]; then
		make -s -C "$top" install >&2
	elif can_be_root; then
		as_root make -s -C "$top" install PG_CONFIG="$PG_CONFIG" >&2
	else
		say "installing into a copy of the server, for there is no sudo here"
		make_work
		copy_server
		make -s -C "$top" install >&2
	fi
}

# A folder for everything temporary, open to the server's user.
make_work() {
	[ -z "$work" ] || return 0
	work=$(mktemp -d "${TMPDIR:-/tmp}/pgbeam.XXXXXX")
	chmod 755 "$work"
	mkdir "$work/server" "$work/keys"
	[ "$(id -u)" != 0 ] || chown "$server_user" "$work" "$work/server" "$work/keys"
	chmod 700 "$work/keys"
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Copies the checkout, as it is built, to a new folder for the server's user.
copy_tree() {
	as_server mkdir "$1" "$1/pgbeam"
	tar cf - -C "$top" --exclude=.git --exclude=node_modules --exclude=output_fuzz . |
		as_server tar xf - -C "$1/pgbeam"
}

# Stops every server below $work, also those that a test left behind.
clean_up() {
	local pidfile
	! declare -F stop_programs >/dev/null || stop_programs
	find "$work" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
		as_server "$bin/pg_ctl" -D "$(dirname "$pidfile")" -m immediate -s stop || true
	done
	rm -rf "$work"
}

# The environment must not lead psql to another server.
forget_servers() {
	local variable
	for variable in ${!PG*}; do
		[ "$variable" = PG_CONFIG ] || unset "$variable"
	done
}

# Starts a cluster that is reached only by a socket in $work.
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
