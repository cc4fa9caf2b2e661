// Package rtctest has what tests of WebRTC need: a network that is not real, so that
// they run in virtual time (testing/synctest), and an encoder that publishes.
package rtctest
