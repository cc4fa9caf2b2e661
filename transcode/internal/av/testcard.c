//go:build libav && cgo

#include "testcard.h"

#include <libavutil/frame.h>
#include <math.h>

void weir_tone(void *data, int64_t first)
{
	AVFrame *frame = data;
	int planar = frame->format == AV_SAMPLE_FMT_FLTP, channels = frame->ch_layout.nb_channels;
	for (int i = 0; i < frame->nb_samples; i++) {
		int64_t in_second = (first + i) % frame->sample_rate;
		double t = (double)in_second / frame->sample_rate;
		float v = 0.1 * sin(2 * M_PI * 440 * t);
		if (t < 0.01)
			v = 0.8 * cos(2 * M_PI * 1000 * t);
		for (int c = 0; c < channels; c++) {
			if (planar)
				((float *)frame->extended_data[c])[i] = v;
			else
				((float *)frame->extended_data[0])[i * channels + c] = v;
		}
	}
}
