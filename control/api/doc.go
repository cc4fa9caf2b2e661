// Package api is the resources of the API: the server, the types of stages and platforms
// that it knows, pipelines, streams and their outputs, recordings, and the configuration.
// They are made of snapshots of the runtime and of what should run; no stage is known by
// name here, so a new kind of stage changes nothing.
package api
