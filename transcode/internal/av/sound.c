//go:build libav && cgo

#include "sound.h"

#include <libavutil/frame.h>
#include <string.h>

void weir_read(const void *frame, float *to)
{
	const AVFrame *f = frame;
	memcpy(to, f->data[0], sizeof *to * 2 * f->nb_samples);
}

void weir_write(void *frame, const float *from)
{
	AVFrame *f = frame;
	int planar = f->format == AV_SAMPLE_FMT_FLTP, channels = f->ch_layout.nb_channels;
	for (int i = 0; i < f->nb_samples; i++, from += 2) {
		for (int c = 0; c < channels; c++) {
			float v = channels == 1 ? (from[0] + from[1]) / 2 : from[c];
			if (planar)
				((float *)f->extended_data[c])[i] = v;
			else
				((float *)f->data[0])[i * channels + c] = v;
		}
	}
}
