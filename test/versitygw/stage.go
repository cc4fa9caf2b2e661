package versitygw

import (
	"fmt"
	"strings"
)

// Stage is the stage "keep" of a pipeline in YAML, that records what the stage "cam" sends
// from a spool into the bucket of the server at an endpoint, a URL; more are further
// settings of it.
func Stage(endpoint, spool string, more ...string) string {
	text := fmt.Sprintf(`      keep:
        use: record
        from: cam
        with:
          segment: 2s
          reserve: 1MiB
          spool: %q
          store: {s3: {endpoint: %q, bucket: %s, region: us-east-1, style: path, access_key: %s, secret_key: %s}}
`, spool, endpoint, Bucket, Access, Secret)
	var b strings.Builder
	b.WriteString(text)
	for _, m := range more {
		b.WriteString("          " + m + "\n")
	}
	return b.String()
}
