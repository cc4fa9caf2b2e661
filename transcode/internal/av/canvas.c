//go:build libav && cgo

#include "canvas.h"

#include <libavutil/frame.h>
#include <string.h>

static void fill_plane(uint8_t *at, int stride, int width, int height, int value, int opacity)
{
	for (; height > 0; height--, at += stride) {
		if (opacity >= 256) {
			memset(at, value, width);
			continue;
		}
		for (int i = 0; i < width; i++)
			at[i] += ((value - at[i]) * opacity + 128) >> 8;
	}
}

static void blit_plane(uint8_t *to, int to_stride, const uint8_t *from, int from_stride, int width, int height, int opacity)
{
	for (; height > 0; height--, to += to_stride, from += from_stride) {
		if (opacity >= 256) {
			memcpy(to, from, width);
			continue;
		}
		for (int i = 0; i < width; i++)
			to[i] += ((from[i] - to[i]) * opacity + 128) >> 8;
	}
}

// window is the part of a rectangle that is within a frame: how much of it is to the
// left of and above the frame, and what is left.
typedef struct { int left, top, width, height; } window;

static window within(const AVFrame *f, int x, int y, int width, int height)
{
	window w = {x < 0 ? -x : 0, y < 0 ? -y : 0, width, height};
	if (x + width > f->width)
		w.width = f->width - x;
	if (y + height > f->height)
		w.height = f->height - y;
	w.width -= w.left;
	w.height -= w.top;
	return w;
}

void weir_fill(void *frame, int x, int y, int width, int height, const uint8_t *yuv, int opacity)
{
	AVFrame *f = frame;
	window w = within(f, x, y, width, height);
	if (w.width <= 0 || w.height <= 0)
		return;
	x += w.left;
	y += w.top;
	fill_plane(f->data[0] + y * f->linesize[0] + x, f->linesize[0], w.width, w.height, yuv[0], opacity);
	for (int p = 1; p < 3; p++)
		fill_plane(f->data[p] + y / 2 * f->linesize[p] + x / 2, f->linesize[p], w.width / 2, w.height / 2, yuv[p], opacity);
}

void weir_blit(void *frame, const void *source, int x, int y, int opacity)
{
	AVFrame *f = frame;
	const AVFrame *s = source;
	window w = within(f, x, y, s->width, s->height);
	if (w.width <= 0 || w.height <= 0)
		return;
	x += w.left;
	y += w.top;
	blit_plane(f->data[0] + y * f->linesize[0] + x, f->linesize[0],
		s->data[0] + w.top * s->linesize[0] + w.left, s->linesize[0], w.width, w.height, opacity);
	for (int p = 1; p < 3; p++)
		blit_plane(f->data[p] + y / 2 * f->linesize[p] + x / 2, f->linesize[p],
			s->data[p] + w.top / 2 * s->linesize[p] + w.left / 2, s->linesize[p], w.width / 2, w.height / 2, opacity);
}

// over is what a premultiplied value over another gives, where zero is the value of
// nothing.
static uint8_t over(int below, int value, int alpha, int zero, int opacity)
{
	int by = (value - zero) * 255 - alpha * (below - zero);
	int v = below + by * opacity / (255 * 256);
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

void weir_lay(void *frame, const void *sprite, int x, int y, int opacity)
{
	AVFrame *f = frame;
	const AVFrame *s = sprite;
	window w = within(f, x, y, s->width, s->height);
	if (w.width <= 0 || w.height <= 0)
		return;
	for (int row = w.top; row < w.top + w.height; row++) {
		uint8_t *to = f->data[0] + (y + row) * f->linesize[0] + x;
		const uint8_t *from = s->data[0] + row * s->linesize[0], *alpha = s->data[3] + row * s->linesize[3];
		for (int i = w.left; i < w.left + w.width; i++)
			to[i] = over(to[i], from[i], alpha[i], 16, opacity);
	}
	for (int row = w.top / 2; row < (w.top + w.height) / 2; row++) {
		const uint8_t *a = s->data[3] + 2 * row * s->linesize[3], *b = a + s->linesize[3];
		for (int p = 1; p < 3; p++) {
			uint8_t *to = f->data[p] + (y / 2 + row) * f->linesize[p] + x / 2;
			const uint8_t *from = s->data[p] + row * s->linesize[p];
			for (int i = w.left / 2; i < (w.left + w.width) / 2; i++)
				to[i] = over(to[i], from[i], (a[2 * i] + a[2 * i + 1] + b[2 * i] + b[2 * i + 1] + 2) / 4, 128, opacity);
		}
	}
}

void weir_premultiply(void *frame, const uint8_t *pixels)
{
	AVFrame *f = frame;
	for (int y = 0; y < f->height; y++) {
		uint8_t *to = f->data[0] + y * f->linesize[0];
		for (int x = 0; x < f->width; x++, to += 4, pixels += 4) {
			int a = pixels[3];
			for (int c = 0; c < 3; c++)
				to[c] = (pixels[c] * a + 127) / 255;
			to[3] = a;
		}
	}
}

int weir_crop(void *frame, int x, int y, int width, int height)
{
	AVFrame *f = frame;
	f->crop_left = x;
	f->crop_top = y;
	f->crop_right = f->width - x - width;
	f->crop_bottom = f->height - y - height;
	return av_frame_apply_cropping(f, AV_FRAME_CROP_UNALIGNED);
}
