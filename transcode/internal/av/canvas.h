#include <stdint.h>

// All work on 8 bit 4:2:0 frames that nobody else refers to, at even places and sizes.
// opacity is from 0 to 256.

// weir_fill fills a rectangle with a colour of three bytes, y, u and v.
void weir_fill(void *frame, int x, int y, int width, int height, const uint8_t *yuv, int opacity);

// weir_blit puts the whole of another frame at x, y, as far as it is within.
void weir_blit(void *frame, const void *from, int x, int y, int opacity);

// weir_lay puts a frame with an alpha plane, premultiplied, over what is there.
void weir_lay(void *frame, const void *sprite, int x, int y, int opacity);

// weir_premultiply fills an RGBA frame with pixels that are not premultiplied.
void weir_premultiply(void *frame, const uint8_t *pixels);

// weir_crop makes of a reference to a frame one to a part of it. It is negative if that
// fails.
int weir_crop(void *frame, int x, int y, int width, int height);
