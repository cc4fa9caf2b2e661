// Package e2e watches real streams in a real browser: Debian's ffmpeg publishes to
// bin/weir, Debian's Chromium opens the watch page, and watch.mjs reports what it
// saw. The tests need the build tag e2e; `make e2e` builds and installs what they
// need. watch.mjs is of use by itself:
//
//	node test/e2e/watch.mjs http://127.0.0.1:8080/live/studio seconds=20 screenshot=page.png
package e2e
