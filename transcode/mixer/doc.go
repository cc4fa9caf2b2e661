// Package mixer is the stage that composes several inputs into one programme: their
// pictures on one canvas, their sound in one mix, coded as a ladder like that of
// transcode/video. Who watches the programme does not notice who comes and goes.
//
// Each track group of each input is a participant. One comes with its first key picture
// and takes a box of the layout; when its pictures stop, the last one stays; after two
// seconds "no signal" is written over it, after ten it leaves. The stage decides what is
// shown and how loud it is, as a wire.Scene; a worker (package transcode/worker) does it.
// When that falls, the next one goes on with the same tracks, at the same time.
//
// Who speaks loudest for a while stands out where the layout has a place for that, for
// two seconds at least.
//
// Times of all inputs count from the instance's epoch, so that those of one participant
// stay in step with one another, whatever the others do.
package mixer
