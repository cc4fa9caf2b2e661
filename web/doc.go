// Package web is what people see in a browser: a watch page for each stream and a
// home page that lists the streams that run.
//
// The pages are written in TypeScript in src/ and built by build.mjs into dist/,
// which is embedded. Go builds without them: then a page says how to build them.
// Nothing on a page comes from another host, and its Content-Security-Policy
// ([Policy]) holds the browser to that.
package web
