// Package trace shows control operations as OpenTelemetry traces: requests that change
// something, reloads, and the steps that they take. Nothing that happens once a frame is
// traced.
//
// It is the wall around OpenTelemetry. Everybody else knows [weir/pipeline.Step] only. It
// is turned on by the variables that OpenTelemetry has for that, OTEL_EXPORTER_OTLP_ENDPOINT
// above all, and without them nothing runs and nothing is linked into a request's way.
// Spans go out as OTLP over HTTP in JSON, which takes a page of code; the library's own
// exporters link gRPC and generated code many times as large.
package trace
