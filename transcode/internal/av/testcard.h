#include <stdint.h>

// weir_card draws the test card into an 8 bit 4:2:0 frame that nobody else refers to:
// colour bars, a block that moves through each second, a clock of hours, minutes,
// seconds and frames with a square that lights up for the first tenth of each second,
// and a bar code of that many cells.
void weir_card(void *frame, int64_t ms, int frame_in_second, uint64_t code, int cells);

// weir_tone fills a frame of floating-point sound with a soft tone and, at the
// beginning of each second, a click, loud and of 10 ms. first is the number of the
// frame's first sample.
void weir_tone(void *frame, int64_t first);
