// weir_read copies a frame of packed floating-point stereo sound.
void weir_read(const void *frame, float *to);

// weir_write fills a writable frame of floating-point sound, packed or planar, of one
// channel or two, with stereo sound.
void weir_write(void *frame, const float *from);
