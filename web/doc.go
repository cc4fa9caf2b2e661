// Package web is what people see in a browser: for each stream a watch page and a
// publish page, and at / the operator's interface: one page that shows what runs, with
// the live graph of each stream, and from which targets, recordings, mixers, access,
// webhooks and the configuration are kept. All that it does, it does by the API below
// /v1, and it hears what changes from one connection of events.
//
// The interface is in src/app/. A module of it is a page, a part of one, or something
// without a document that test.mjs tests: layout of graphs, differences of texts,
// completion, formats. Its texts are in words.ts. What is large, the editor of the
// configuration and hls.js, is loaded when it is wanted; build.mjs fails if the rest has
// more than 150 kB compressed.
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
