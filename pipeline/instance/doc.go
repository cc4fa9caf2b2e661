// Package instance keeps the instances of pipelines: it starts a graph when a
// publisher or a viewer arrives at its path, lets it linger, drains it, and takes
// running graphs from one configuration to the next.
//
// A [Host] holds the definitions and what runs of them. A [Door] brings arriving
// peers of one protocol to the stage that serves their path: the protocol's service
// knocks, the definition's announcement says who may enter and wakes the instance,
// and the instance's stage takes its seat and is handed the peer.
package instance
