#include <stdint.h>

// weir_tone fills a frame of floating-point sound with a soft tone and, at the
// beginning of each second, a click, loud and of 10 ms. first is the number of the
// frame's first sample.
void weir_tone(void *frame, int64_t first);
