// Package web is what people see in a browser: for each stream a watch page and a
// publish page, and a home page that lists the streams that run.
//
// The pages are written in TypeScript in src/ and built by build.mjs into dist/,
// which is embedded. Go builds without them: then a page says how to build them.
// Nothing on a page comes from another host, and its Content-Security-Policy
// ([Policy]) holds the browser to that.
//
// The player is a module that other sites can use, too: /assets/weir-player.js
// defines the element <weir-player src="…">. It plays by WebRTC (WHEP) where the
// server offers that and media get through, else by HLS, for which it loads a part
// of its own.
package web
