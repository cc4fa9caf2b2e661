//go:build libav && cgo

#include "testcard.h"

#include <libavutil/frame.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// A colour in the limited range of BT.601.
typedef struct { uint8_t y, u, v; } colour;

static const colour black = {16, 128, 128}, white = {235, 128, 128}, grey = {60, 128, 128};

// box fills x0 <= x < x1, y0 <= y < y1 as far as it is within the frame. Its edges are
// rounded to even pixels, as the frame's colours are.
static void box(AVFrame *f, int x0, int y0, int x1, int y1, colour c)
{
	x0 = (x0 < 0 ? 0 : x0) & ~1;
	y0 = (y0 < 0 ? 0 : y0) & ~1;
	x1 = (x1 > f->width ? f->width : x1) & ~1;
	y1 = (y1 > f->height ? f->height : y1) & ~1;
	if (x1 <= x0)
		return;
	for (int y = y0; y < y1; y++)
		memset(f->data[0] + y * f->linesize[0] + x0, c.y, x1 - x0);
	for (int y = y0 / 2; y < y1 / 2; y++) {
		memset(f->data[1] + y * f->linesize[1] + x0 / 2, c.u, (x1 - x0) / 2);
		memset(f->data[2] + y * f->linesize[2] + x0 / 2, c.v, (x1 - x0) / 2);
	}
}

static void bars(AVFrame *f, int bottom)
{
	static const colour c[] = {
		{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
		{84, 184, 198}, {65, 100, 212}, {35, 212, 114}, {16, 128, 128},
	};
	for (int i = 0; i < 8; i++)
		box(f, f->width * i / 8, 0, f->width * (i + 1) / 8, bottom, c[i]);
}

// Digits and a colon, five rows of three pixels.
static void glyph(AVFrame *f, char which, int x, int y, int size)
{
	static const uint16_t rows[] = {
		075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717, 002020,
	};
	uint16_t bits = which == ':' ? rows[10] : rows[which - '0'];
	for (int row = 0; row < 5; row++)
		for (int column = 0; column < 3; column++)
			if (bits >> (3 * (4 - row) + 2 - column) & 1)
				box(f, x + column * size, y + row * size, x + (column + 1) * size, y + (row + 1) * size, white);
}

static void clock_face(AVFrame *f, int top, int bottom, int64_t ms, int frame_in_second)
{
	char text[16];
	int64_t s = ms / 1000;
	int size = (bottom - top) / 7 & ~1;
	snprintf(text, sizeof text, "%02d:%02d:%02d:%02d", (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60), frame_in_second % 100);
	if (size < 2)
		size = 2;
	box(f, 0, top, f->width, bottom, black);
	for (int i = 0; text[i]; i++)
		glyph(f, text[i], size * (1 + 4 * i), top + size, size);
	if (ms % 1000 < 100)
		box(f, f->width - 6 * size, top + size, f->width - size, bottom - size, white);
}

void weir_card(void *frame, int64_t ms, int frame_in_second, uint64_t code, int cells)
{
	AVFrame *f = frame;
	int w = f->width, h = f->height;
	int at = (int)((w + w / 8) * (ms % 1000) / 1000) - w / 8;
	bars(f, h * 5 / 8);
	box(f, 0, h * 5 / 8, w, h * 6 / 8, grey);
	box(f, at, h * 5 / 8, at + w / 8, h * 6 / 8, white);
	clock_face(f, h * 6 / 8, h * 7 / 8, ms, frame_in_second);
	for (int i = 0; i < cells; i++)
		box(f, w * i / cells, h * 7 / 8, w * (i + 1) / cells, h, code >> (cells - 1 - i) & 1 ? white : black);
}

void weir_tone(void *frame, int64_t first)
{
	AVFrame *f = frame;
	int planar = f->format == AV_SAMPLE_FMT_FLTP, channels = f->ch_layout.nb_channels;
	for (int i = 0; i < f->nb_samples; i++) {
		double t = (double)((first + i) % f->sample_rate) / f->sample_rate;
		float v = t < 0.01 ? 0.8 * cos(2 * M_PI * 1000 * t) : 0.1 * sin(2 * M_PI * 440 * t);
		for (int c = 0; c < channels; c++) {
			if (planar)
				((float *)f->extended_data[c])[i] = v;
			else
				((float *)f->extended_data[0])[i * channels + c] = v;
		}
	}
}
