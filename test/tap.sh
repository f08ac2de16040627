# The TAP tests, for test/run. To be sourced by bash; the tree that is built
# stands in $work/tree.
#
# They wait more than they compute: for servers that start, and for agents. So
# several files run at once, each in a lane of its own: a copy of the tree, for
# PGXS clears tmp_check there before it proves anything. (prove -j would print
# no tests to count.) A lane takes the next file when it is done with one, so
# that all end at about the same time, whatever each file takes.

lanes=3

# Seconds after which a file is ended. One that waits for what never comes fails
# by this and says how far it came; whoever runs `make test` from outside would
# end all of it, and nothing would be told.
file_limit=900

# What PROVE_TESTS names, by the Makefile or the user, the largest first: what
# begins last is to be short.
files_to_prove() { (cd "$work/tree" && ls -dS $(list_of PROVE_TESTS)) | awk '!seen[$0]++'; }

# Runs a file in the tree of a lane, and keeps what it leaves behind. prove is
# verbose, for a test that is skipped is told of nowhere else.
prove_file() {
	local lane=$1 file=$2 place=$3 status=0
	installcheck_in "$lane" installcheck REGRESS= ISOLATION= PROVE_TESTS="$file" PROVE_FLAGS=--verbose \
		PROVE="timeout --verbose --kill-after=20 $file_limit prove" \
		> "$place/output" 2> "$place/errors" < /dev/null || status=$?
	as_server mv "$lane/tmp_check" "$work/checked/$(basename "$place")" || status=1
	echo "$status" > "$place/status"
}

# Proves what no other lane has begun.
run_lane() {
	local lane=$1 file place
	while read -r file; do
		place=$work/proved/$(basename "$file")
		! mkdir "$place" 2>/dev/null || prove_file "$lane" "$file" "$place"
	done < "$work/files"
}

# Each lane is a group of processes, which stop_programs can end.
run_lanes() {
	local number
	lane_groups=()
	for ((number = 1; number <= lanes; number++)); do
		as_server cp -R "$work/tree" "$work/lane$number"
		set -m
		run_lane "$work/lane$number" &
		set +m
		lane_groups+=($!)
	done
	wait "${lane_groups[@]}"
	lane_groups=()
}

stop_programs() {
	local group
	for group in ${lane_groups+"${lane_groups[@]}"}; do
		kill -- "-$group" 2>/dev/null || true
	done
}

# What a file that failed has to say: the ends of the logs of its programs,
# which go with the folder, and its own words.
show_failure() {
	local place=$1
	tail -n 30 "$work/checked/$(basename "$place")"/log/* 2>/dev/null || true
	sed -n '/^not ok /p; /^Test Summary Report/,$p' "$place/output"
}

# Whether each file has ended, and ended well. One that no lane has proved has
# failed.
judge_files() {
	local file place failed=0
	while read -r file; do
		place=$work/proved/$(basename "$file")
		[ "$(cat "$place/status" 2>/dev/null)" != 0 ] || continue
		failed=1
		[ -f "$place/status" ] || echo "not ok: $file was not proved"
		show_failure "$place"
	done < "$work/files"
	return "$failed"
}

tap() {
	local lack status=0
	need_psycopg "$work" || true # the tests that want it say so
	lack=$(has_tap) || { skip_all "$(ls "$top"/test/t/*.pl | wc -l)" "$lack"; return; }
	files_to_prove > "$work/files" || status=1
	as_server mkdir "$work/checked" "$work/ports"
	mkdir "$work/proved"
	run_lanes
	cat "$work"/proved/*/errors
	judge_files || status=1
	echo "$(wc -l < "$work/files") files"
	cat "$work"/proved/*/output | count_prove
	return "$status"
}
