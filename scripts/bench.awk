# Makes the table at the end of bench.sh out of go test's lines: medians of the
# figures that have a target, and of those beside them. "over" counts as such only if
# the machine did nothing else.

/^Benchmark/ {
	name = $1
	sub(/^Benchmark/, "", name)
	sub(/-[0-9]+$/, "", name)
	for (i = 3; i < NF; i += 2) {
		key = name SUBSEP $(i + 1)
		values[key, ++counts[key]] = $i + 0
	}
}

# median of a benchmark's figures in that unit, or -1 if it did not run.
function median(name, unit,    key, n, i, j, v, sorted) {
	key = name SUBSEP unit
	n = counts[key]
	if (!n) return -1
	for (i = 1; i <= n; i++) {
		v = values[key, i]
		for (j = i - 1; j > 0 && sorted[j] > v; j--) sorted[j + 1] = sorted[j]
		sorted[j + 1] = v
	}
	return (sorted[int((n + 1) / 2)] + sorted[int((n + 2) / 2)]) / 2
}

# row prints a figure; an empty target is none.
function row(what, figure, unit, target) {
	if (figure < 0) return
	verdict = target == "" ? "" : figure <= target + 0 ? "ok" : "over"
	digits = figure >= 100 ? 0 : figure >= 10 ? 1 : figure >= 1 || !figure ? 2 : 3
	printf "%-58s %9.*f %-6s %7s  %s\n", what, digits, figure, unit, target, verdict
}

END {
	printf "%-58s %9s %-6s %7s\n", "", "median", "", "at most"
	split("1 100 1000", readers, " ")
	for (i = 1; i in readers; i++) {
		name = "Delivery/readers=" readers[i]
		row("ring, " readers[i] " reading: allocations for a delivery", median(name, "allocs/delivery"), "", "0")
		row("ring, " readers[i] " reading: a delivery takes", median(name, "ns/op"), "ns", "")
	}
	row("nginx-rtmp, the same publishers, nothing made of them: CPU", median("Nginx", "cpu-ms/publisher-s"), "ms", "")
	split("4096 128", chunks, " ")
	for (i = 1; i in chunks; i++) {
		name = "Publishers/chunk=" chunks[i]
		cpu = median(name, "cpu-ms/publisher-s")
		row("RTMP publisher, chunks of " chunks[i] ": CPU in a second", cpu, "ms", "2")
		row("RTMP publisher, chunks of " chunks[i] ": memory", median(name, "rss-KiB/publisher") / 1024, "MiB", "")
		row("RTMP publisher, chunks of " chunks[i] ": of that, live heap", median(name, "heap-KiB/publisher") / 1024, "MiB", "")
		# What the guard does beyond taking chunks apart, of what receiving takes.
		guard = median("Guard/guard/chunk=" chunks[i], "ns/op")
		plain = median("Guard/chunks/chunk=" chunks[i], "ns/op")
		ingest = median("Guard/ingest/chunk=" chunks[i], "cpu-ns/op")
		if (ingest > 0)
			row("guard, chunks of " chunks[i] ": share of receiving a message", guard > plain ? (guard - plain) / ingest * 100 : 0, "%", "5")
	}
	row("LL-HLS player: CPU in a second", median("Players", "cpu-ms/player-s"), "ms", "1")
	row("LL-HLS player: requests in a second", median("Players", "requests/player-s"), "", "")
	row("LL-HLS player: memory", median("Players", "rss-KiB/player"), "KiB", "")
	row("a push: CPU for a Mbit", median("Pushes/weir/targets=1", "cpu-ms/Mbit"), "ms", "")
	pushes = median("Pushes/weir/targets=5", "cpu-ms/s")
	if (pushes > 0) {
		row("five pushes: CPU, of that of one", pushes / median("Pushes/weir/targets=1", "cpu-ms/s") * 100, "%", "")
		row("five pushes: CPU, of what ffmpeg takes", pushes / median("Pushes/ffmpeg/targets=5", "cpu-ms/s") * 100, "%", "50")
		row("five pushes: delay of a picture, p99", median("Pushes/weir/targets=5", "delay-p99-ms"), "ms", "10")
		row("five pushes by ffmpeg: delay of a picture, p99", median("Pushes/ffmpeg/targets=5", "delay-p99-ms"), "ms", "")
	}
	row("calibration (SHA-256 of 4 KiB)", median("Calibration", "ns/op"), "ns", "")
	row("calibration beside the publishers, CPU time", median("Publishers/chunk=4096", "cal-ns"), "ns", "")
	row("calibration beside the players, CPU time", median("Players", "cal-ns"), "ns", "")
}
