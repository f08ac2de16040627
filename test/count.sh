# Counts what tests have passed, failed and been skipped, for test/run. To be
# sourced by bash; the steps' output goes to $work/output.
#
# A step ends its output by a line of counts,
#     18 passed, 0 failed, 2 skipped
# each reason to skip has a line of its own, "skipped 2: there is no nginx", and
# the line before the counts may say more of what ran. A step of which nothing
# can run here ends with status 77. What ran nothing without saying so failed.

passed=0
failed=0
skipped=0

counts_pattern='^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'

print_counts() { printf '%d passed, %d failed, %d skipped\n' "$1" "$2" "$3"; }

# Ends a step, of so many tests, of which nothing can run here.
skip_all() {
	local count=$1
	shift
	printf 'skipped %d: %s\n' "$count" "$*"
	print_counts 0 0 "$count"
	return 77
}

# Runs a command whose tests a function counts, once their output is there.
counted() {
	local counter=$1 status=0
	shift
	"$@" > "$work/raw" 2>&1 || status=$?
	cat "$work/raw"
	echo
	"$counter" < "$work/raw"
	return "$status"
}

# What pg_regress prints, and pg_isolation_regress: "test name ... ok" before
# version 16, "ok 1 - name" since.
count_regress() {
	awk '
		/^(test |     )[^ ]+ +\.\.\. ok / || /^ok [0-9]+ / { passed++ }
		/^(test |     )[^ ]+ +\.\.\. (FAILED|failed)/ || /^not ok [0-9]+ / { failed++ }
		END {
			printf "%d passed, %d failed, 0 skipped\n", passed, failed
		}'
}

# The reasons in TAP to skip, also those of parts of tests, and the counts at
# its end. A test that is to be done has not passed, whatever came of it.
tap_skips='
	function skip(at) {
		reason = substr($0, at)
		sub(/^ +/, "", reason)
		reasons[reason == "" ? "no reason is given" : reason]++
		skipped++
	}
	function finish() {
		for (reason in reasons)
			printf "skipped %d: %s\n", reasons[reason], reason
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	}
	/^ *(1\.\.0|ok|not ok) .*# *([Ss][Kk][Ii][Pp]|[Tt][Oo][Dd][Oo])/ {
		match($0, /# *([Ss][Kk][Ii][Pp]|[Tt][Oo][Dd][Oo])[^ ]*/)
		skip(RSTART + RLENGTH)
		next
	}'

# What prove --verbose prints: each test of each file, and a line of its own for
# a file that is skipped.
count_prove() {
	awk "$tap_skips"'
		/^[^ ]+ \.+ skipped: / {
			skip(index($0, " skipped: ") + length(" skipped: "))
			next
		}
		/^ok / { passed++ }
		/^not ok / { failed++ }
		END { finish() }'
}

# What node --test prints as TAP, with its own counts of tests in suites.
count_node() {
	awk "$tap_skips"'
		/^# pass [0-9]+$/ { passed = $3 }
		/^# (fail|cancelled) [0-9]+$/ { failed += $3 }
		END { finish() }'
}

# What passed, and what a step says of that in the line before its counts.
summary() {
	tail -n 2 "$work/output" | awk '
		{ before = last; last = $0 }
		END {
			sub(/, 0 failed/, "", last)
			sub(/, 0 skipped/, "", last)
			print last (before ~ /[0-9]/ && before !~ /^skipped / ? "; " before : "")
		}'
}

reasons() { sed -n 's/^skipped \([0-9]*\): /     \1 skipped: /p' "$work/output"; }

# Adds a step's counts to those of all; false when it has failed.
add_counts() {
	local status=$1 ran=0 broken=0 left=0
	if [[ $(tail -n 1 "$work/output") =~ $counts_pattern ]]; then
		ran=${BASH_REMATCH[1]} broken=${BASH_REMATCH[2]} left=${BASH_REMATCH[3]}
	fi
	case $status in
		77) [ "$left" -gt 0 ] && [ "$((ran + broken))" = 0 ] || status=1 ;;
		0) [ "$ran" -gt 0 ] && [ "$broken" = 0 ] || status=1 ;;
	esac
	[ "$status" = 0 ] || [ "$status" = 77 ] || [ "$broken" -gt 0 ] || broken=1
	passed=$((passed + ran))
	failed=$((failed + broken))
	skipped=$((skipped + left))
	[ "$broken" = 0 ]
}

# Runs a step and counts it. Its output is shown when it fails, without what
# has passed.
step() {
	local name=$1 status=0 began=$SECONDS
	shift
	"$@" > "$work/output" 2>&1 || status=$?
	if ! add_counts "$status"; then
		say "FAIL $name, status $status"
		grep -vE '^ *ok [0-9]+ ' "$work/output" >&2 || true
	elif [ "$status" = 77 ]; then
		say "skip $name"
		reasons >&2
	else
		say "ok   $name: $(summary), $((SECONDS - began)) s"
		reasons >&2
	fi
}

# The last line of all. False when something failed, or nothing has run.
print_total() {
	print_counts "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
