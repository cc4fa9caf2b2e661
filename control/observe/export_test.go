package observe

// Take takes a Sample, however fresh the last one is.
func (o *Observer) Take() { o.take() }
