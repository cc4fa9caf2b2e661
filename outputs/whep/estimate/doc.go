// Package estimate tells from transport-wide feedback how much a viewer's path
// takes (draft-ietf-rmcat-gcc): by the trend of the one-way delay and by loss.
//
// An [Estimator] is a pure function of the feedback that it is given; it has no
// clock, no goroutine and no lock. It allocates nothing per packet.
package estimate
