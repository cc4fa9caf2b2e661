//go:build libav && cgo

package av

// #include <libavutil/cpu.h>
//
// static void weir_avoid_gathers(void)
// {
// #if defined(__x86_64__) || defined(__i386__)
//	av_force_cpu_flags(av_get_cpu_flags() | AV_CPU_FLAG_SLOW_GATHER);
// #endif
// }
import "C"

// AvoidGathers has libav do without the instruction that collects bytes from many places,
// which swscale's bicubic filter else uses. libav knows of most processors that it is slow;
// of the newest it does not, and it is: scaling 720p to 360p takes half as long again. The
// pictures are the same. It is for the whole process, and called before anything else.
func AvoidGathers() { C.weir_avoid_gathers() }
