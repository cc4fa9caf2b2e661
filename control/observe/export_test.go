package observe

// Take takes a Sample, however fresh the last one is.
func (o *Observer) Take() { o.take() }

// Listener takes a Sample and makes of it what is sent to a dashboard of all streams, and
// returns how many bytes that is.
func (o *Observer) Listener(list string) func() int {
	t, _ := parseTopics(list, everybody())
	f := o.listen(t, "")
	return func() int {
		f.sample(o.take())
		defer f.out.Reset()
		return f.out.Len()
	}
}
