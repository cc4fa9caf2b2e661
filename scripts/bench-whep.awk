# Makes the table at the end of bench-whep.sh: a column for each number of viewers, the
# figure and, where it has a target, whether it is met.

/^BenchmarkViewers\// {
	name = $1
	sub(/^BenchmarkViewers\//, "", name)
	sub(/-[0-9]+$/, "", name)
	names[++columns] = name
	for (i = 3; i < NF; i += 2) value[name, $(i + 1)] = $i + 0
	value[name, "ratio"] = value[name, "cpu-us/packet"] / value[name, "floor-us/packet"]
	value[name, "ratio-unread"] = value[name, "cpu-us/packet"] / value[name, "floor-unread-us/packet"]
}

# Columns whose limit is another one, or none.
BEGIN {
	other["ratio", "sha1=150"] = 3
	other["ratio", "viewers=50"] = ""
	other["delay-p99-ms", "viewers=300"] = other["delay-p99-ms", "viewers=600"] = ""
}

# row prints a figure of each column; limit is what it may be at most, or "".
function row(what, unit, limit,    i, v, cell, most) {
	printf "%-44s %8s", what, limit
	for (i = 1; i <= columns; i++) {
		v = value[names[i], unit]
		cell = sprintf(v >= 1000 ? "%.0f" : v >= 10 ? "%.1f" : "%.2f", v)
		most = (unit, names[i]) in other ? other[unit, names[i]] : limit
		if (most != "") cell = cell (v <= most + 0 ? " ok  " : " over")
		else if (limit != "") cell = cell "     "
		printf " %12s", cell
	}
	printf "\n"
}

END {
	if (!columns) exit 1
	printf "%-44s %8s", "", "at most"
	for (i = 1; i <= columns; i++) printf " %12s", names[i]
	printf "\n"
	row("server CPU, ms for a viewer and second", "cpu-ms/viewer-s", "")
	row("server CPU, µs for a packet", "cpu-us/packet", "")
	row("packets in a second of CPU", "packets/cpu-s", "")
	row("floor, µs for a packet that arrives", "floor-us/packet", "")
	row("  to a socket that nobody reads", "floor-unread-us/packet", "")
	row("CPU as a multiple of the floor (SHA1: 3)", "ratio", 2)
	row("  of that to nobody", "ratio-unread", "")
	row("allocations for a packet", "allocs/packet", "")
	row("memory for a viewer, KiB", "rss-KiB/viewer", 250)
	row("  of that, live heap", "heap-KiB/viewer", "")
	row("delay from the publisher, ms, p50", "delay-p50-ms", "")
	row("  p99 (with 150 viewers)", "delay-p99-ms", 20)
	row("join, ms, p50", "join-p50-ms", "")
	row("  p99", "join-p99-ms", "")
	row("first picture after the answer, ms, p50", "picture-p50-ms", 100)
	row("  p99", "picture-p99-ms", "")
	row("CPU for a join, ms", "cpu-ms/join", 12)
	row("lost packets, %", "lost-%", 0)
	row("freezes", "freezes", 0)
	row("publisher late at worst, ms", "late-ms", "")
	row("CPU of others, % of the machine", "others-%", "")
}
