// Package versitygw runs a real S3 server over a directory, for tests.
package versitygw
