# A data plane for the demo: two tenants' servers, PgBouncer and the agent, each
# on a loopback address of its own, because the port of a connection string is
# always 5432. For bash, which sources it behind lib.sh and tools.sh.

# Addresses that hardly anybody else uses.
loopback=127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 1))
proxy=$loopback.1

# A server of a tenant at an address, with the database orders and the user app.
start_upstream() {
	local name=$1 address=$2 password=$3 folder=$work/upstreams/$1
	as_server mkdir -p "$folder"
	as_server "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null
	as_server sh -c "cat >> '$folder/data/postgresql.conf'" <<-CONF
		listen_addresses = '$address'
		unix_socket_directories = '$folder'
		fsync = off
	CONF
	as_server sh -c "cat > '$folder/data/pg_hba.conf'" <<-CONF
		local all postgres trust
		host all all $address/32 scram-sha-256
		host all all 127.0.0.0/8 scram-sha-256
	CONF
	as_server "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -s start &&
		psql -qX -h "$folder" -d postgres -c 'CREATE DATABASE orders' -c "CREATE ROLE app LOGIN PASSWORD '$password'" &&
		psql -qX -h "$folder" -d orders -c "CREATE TABLE label AS SELECT '$name' AS tenant" -c 'GRANT SELECT ON label TO app'
}

# Runs a program as the server's user; the runner ends it with the cluster.
start_program() {
	local name=$1
	shift
	as_server sh -c 'echo $$ > "$0"; exec "$@"' "$work/plane/$name.pid" "$@" >>"$work/plane/$name.log" 2>&1 &
}

stop_programs() {
	local file
	for file in "$work"/plane/*.pid; do
		[ ! -e "$file" ] || as_server kill "$(cat "$file")" 2>/dev/null || true
	done
}

# The roles of the two programs, in the registry.
make_roles() {
	psql -qX <<-'SQL'
		CREATE ROLE pgbeam_agent LOGIN;
		SELECT pgbeam.grant_access('pgbeam_agent', 'data_plane') \g /dev/null
		CREATE ROLE pgbeam_proxy LOGIN;
		SELECT pgbeam.grant_access('pgbeam_proxy', 'proxy') \g /dev/null
	SQL
}

write_configuration() {
	as_server mkdir -m 700 "$work/plane" "$work/plane/pgbeam"
	as_server touch "$work/plane/pgbeam/databases.ini" "$work/plane/pgbeam/hba.conf"
	as_server sh -c "cat > '$work/plane/users.txt'" <<< '"pgbeam_proxy" ""'
	as_server sh -c "cat > '$work/plane/pgbouncer.ini'" <<-INI
		[databases]
		pgbeam_registry = host=$work/server dbname=$PGDATABASE
		%include $work/plane/pgbeam/databases.ini
		[pgbouncer]
		listen_addr = $proxy
		listen_port = 5432
		unix_socket_dir = $work/plane
		auth_type = hba
		auth_hba_file = $work/plane/pgbeam/hba.conf
		auth_user = pgbeam_proxy
		auth_dbname = pgbeam_registry
		auth_query = SELECT '', '' WHERE \$1 = ''
		auth_file = $work/plane/users.txt
		server_login_retry = 1
		server_tls_sslmode = disable
	INI
}

start_plane() {
	start_upstream alpha "$loopback.2" "word-of-alpha" &&
		start_upstream beta "$loopback.3" "word-of-beta" &&
		make_roles &&
		write_configuration &&
		start_program pgbouncer pgbouncer "$work/plane/pgbouncer.ini" &&
		start_program agent pgbeam_agent --folder="$work/plane/pgbeam" --ssl-mode=disable --name=demo \
			--registry="host=$work/server dbname=$PGDATABASE user=pgbeam_agent" --console="host=$work/plane port=5432"
}

# Whether psql gets in; it tries for a while, until the files are there.
reaches() {
	local tries
	for tries in {1..100}; do
		! PGHOSTADDR=$proxy psql -XAtq "$1" -c 'SELECT tenant FROM label' >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	return 1
}

# Shows psql at a connection string, with its answer or its error.
show_login() {
	echo
	echo "-- $1"
	echo "psql '$2' -c 'SELECT tenant FROM label'"
	PGHOSTADDR=$proxy psql -XAtq "$2" -c 'SELECT tenant FROM label' 2>&1
}

# The string of a tenant's project as pgbeam gives it, with the password.
string_of() {
	psql -XAtq -v name="$1" -v password="$2" <<-'SQL'
		SELECT replace(d ->> 'connection_string', 'YOUR_PASSWORD', :'password')
		FROM pgbeam.projects, json_array_elements(pgbeam.list_databases(pgbeam.typeid_encode('prj', id)) -> 'databases') AS d
		WHERE name = :'name'
	SQL
}

create_tenant() {
	psql -XAtq -v name="$1" -v host="$2" -v password="$3" <<-'SQL'
		SELECT jsonb_pretty(p::jsonb #> '{database,connection_string}')
		FROM pgbeam.create_project(jsonb_build_object('name', :'name', 'org_id', :'name', 'database', jsonb_build_object(
			'host', :'host', 'port', 5432, 'name', 'orders', 'username', 'app', 'password', :'password', 'ssl_mode', 'disable'))) AS p
	SQL
}

# From a project to psql, for two tenants with databases and users of the
# same names. It fails where anybody gets in who should not, or the other way.
show_plane() {
	local alpha beta
	echo
	echo "-- The data plane: PgBouncer beside the registry, and pgbeam_agent that keeps it up to date."
	echo "-- Two tenants have a server each, with the same names of database and user."
	echo "-- Both are on this machine, which is forbidden by default."
	psql -XAtqe -c "ALTER DATABASE $PGDATABASE SET pgbeam.proxy_routing = 'database'" \
		-c "ALTER DATABASE $PGDATABASE SET pgbeam.forbidden_networks = ''"
	start_plane || return
	echo
	echo "-- A project for each gives the string that their applications connect by."
	create_tenant alpha "$loopback.2" "word-of-alpha"
	create_tenant beta "$loopback.3" "word-of-beta"
	alpha=$(string_of alpha "word-of-alpha")
	beta=$(string_of beta "word-of-beta")
	reaches "$alpha" && reaches "$beta" || return
	show_login "psql by that string. DNS would lead it to PgBouncer, here PGHOSTADDR=$proxy does." "$alpha" || return
	show_login "The other tenant, by the same port." "$beta" || return
	! show_login "A wrong password." "$(string_of alpha wrong)" || return
	! show_login "The password of the other tenant." "$(string_of alpha "word-of-beta")" || return
	psql -XAtq -o /dev/null -c "SELECT pgbeam.update_project(pgbeam.typeid_encode('prj', id), '{\"status\": \"suspended\"}') FROM pgbeam.projects WHERE name = 'beta'"
	! show_login "Beta is suspended, and refused at once." "$beta" || return
	show_login "Alpha is not." "$alpha" || return
	echo
	echo "-- What flowed through PgBouncer, of which the agent reports each minute."
	as_server "$bin/psql" -X -h "$work/plane" -p 5432 -U pgbouncer -d pgbouncer -c 'SHOW STATS_TOTALS' |
		cut -d '|' -f 1,3,4,5,6 | grep -E 'database|alpha'
}
