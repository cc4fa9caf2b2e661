//go:build libav && cgo

#include "log.h"
#include "_cgo_export.h"

#include <libavutil/log.h>
#include <libavutil/time.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

// So many lines a second are passed on; the others are counted.
#define LINES_A_SECOND 20

static _Atomic uintptr_t log_handle;
static atomic_llong log_second;
static atomic_int log_lines, log_left_out;

static void on_log(void *object, int level, const char *format, va_list args)
{
	uintptr_t handle = atomic_load(&log_handle);
	if (level > av_log_get_level() || !handle)
		return;
	long long now = av_gettime_relative() / 1000000;
	if (atomic_exchange(&log_second, now) != now)
		atomic_store(&log_lines, 0);
	if (atomic_fetch_add(&log_lines, 1) >= LINES_A_SECOND) {
		atomic_fetch_add(&log_left_out, 1);
		return;
	}
	char line[512];
	vsnprintf(line, sizeof line, format, args);
	const AVClass *class = object ? *(AVClass **)object : NULL;
	weirLog(handle, level, class ? (char *)class->item_name(object) : NULL, line, atomic_exchange(&log_left_out, 0));
}

void weir_log_to(uintptr_t handle)
{
	atomic_store(&log_handle, handle);
	if (handle)
		av_log_set_callback(on_log);
	else
		av_log_set_callback(av_log_default_callback);
}
