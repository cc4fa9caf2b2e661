// Package e2e watches real streams in a real browser: Debian's ffmpeg publishes to
// bin/weir, Debian's Chromium opens the watch page, and watch.mjs reports what it
// saw; studio.mjs does so with the publish page, operate.mjs with the operator's interface
// in front of an API that is made up, and minutes.mjs goes through the first ten minutes of
// a real server. The tests need the build tag e2e; `make e2e` builds and installs what they
// need, `make ready` too, which leaves running one of them to you. The scripts are of use by
// themselves:
//
//	node test/e2e/watch.mjs http://127.0.0.1:8080/live/studio seconds=20 screenshot=page.png
//	node test/e2e/operate.mjs http://127.0.0.1:8080/ do=pages
//	node test/e2e/studio.mjs http://127.0.0.1:8080/live/studio/publish KEY seconds=60
package e2e
