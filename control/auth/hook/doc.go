// Package hook asks a service of the operator's whether somebody may publish or watch: in a
// form of our own, or in those of MediaMTX (its external HTTP authentication) and
// nginx-rtmp (on_publish and on_play), for whom such services have been written.
package hook
