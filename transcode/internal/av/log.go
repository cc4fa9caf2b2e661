//go:build libav && cgo

package av

// #include "log.h"
// #include <libavutil/log.h>
import "C"

import (
	"log/slog"
	"runtime/cgo"
	"strconv"
	"strings"

	"weir/transcode/wire"
)

// LogTo passes on what libav has to say, warnings and worse, up to 20 lines a second;
// how many were left out is an attribute of the next one. It is for the whole process.
// to is called from any thread and must be quick. stop ends it; no codec may be open
// by then.
func LogTo(to func(wire.Log)) (stop func()) {
	h := cgo.NewHandle(to)
	C.av_log_set_level(C.AV_LOG_WARNING)
	C.weir_log_to(C.uintptr_t(h))
	return func() {
		C.weir_log_to(0)
		h.Delete()
	}
}

//export weirLog
func weirLog(handle C.uintptr_t, level C.int, class, line *C.char, leftOut C.int) {
	to, ok := cgo.Handle(handle).Value().(func(wire.Log))
	text := strings.TrimSpace(C.GoString(line))
	if !ok || text == "" {
		return
	}
	l := wire.Log{Level: slog.LevelWarn, Message: text, Attrs: map[string]string{"libav": C.GoString(class)}}
	if level <= C.AV_LOG_FATAL {
		l.Level = slog.LevelError // what libav calls an error is usually damage in the input
	}
	if leftOut > 0 {
		l.Attrs["left_out"] = strconv.Itoa(int(leftOut))
	}
	to(l)
}
