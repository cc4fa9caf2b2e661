package timeline

import "weir/pipeline/media"

// pace keeps units of sound following each other to the sample while the clock
// on the wire agrees on the whole. It looks at windows of a few units, because
// single stamps are coarse, and some encoders put one stamp on several units.
type pace struct {
	tolerance media.Ticks

	n   int         // units in the window
	sum media.Ticks // of their errors
	top media.Ticks // the largest error

	steer int8 // -1, 0, 1: the direction in which the error is being closed
}

const (
	paceWindow = 16
	// paceStep is the part of a unit by which an error is closed at each unit:
	// under 0.1 ms, ten times less than what players notice between two frames.
	paceStep = 256
)

// next takes the distance from where the samples put the unit to where the wire
// does, and how much of it is no gap. It returns the step to make from the former,
// and by how much the whole line must move forward because the sound cannot move
// back; usually both are 0.
func (p *pace) next(err, limit, samples media.Ticks) (step, behind media.Ticks) {
	if err > limit {
		p.reset()
		return err, 0
	}
	if p.n == 0 || err > p.top {
		p.top = err
	}
	p.n++
	p.sum += err
	if p.n == paceWindow {
		behind = p.judge()
	}
	return media.Ticks(p.steer) * max(1, samples/paceStep), behind
}

// judge ends a window.
func (p *pace) judge() (behind media.Ticks) {
	mean, top := p.sum/paceWindow, p.top
	steer := p.steer
	p.reset()
	switch {
	case top < -p.tolerance:
		return -top
	case mean > p.tolerance/2:
		p.steer = 1
	case mean < -p.tolerance/2:
		p.steer = -1
	case mean > p.tolerance/8 && steer > 0, mean < -p.tolerance/8 && steer < 0:
		p.steer = steer
	}
	return 0
}

// reset forgets all errors.
func (p *pace) reset() { *p = pace{tolerance: p.tolerance} }
