package canary

import (
	"encoding/base64"
	"fmt"
)

// Planted are parts of a configuration with a secret wherever it takes one, in flow style.
type Planted struct {
	// WebRTC and Access are settings of those sections of server.
	WebRTC, Access string
	// Server are further lines of server.
	Server string
	// Pipelines are some, with their indentation. A stream plays at show/a.
	Pipelines string
}

// Around is what the planted configuration leads to.
type Around struct {
	// Hash is that of the password of a user, "declared", who is an admin.
	Hash string
	// Down is an address, host:port, that nobody listens at; Refusing a URL at which
	// whatever is sent is refused.
	Down, Refusing string
	// Spool is a directory for recordings.
	Spool string
	// Shared says that the keys of JWTs are a shared secret, and not at a URL: they cannot
	// be both.
	Shared bool
}

// Plant makes the configuration.
func Plant(s Secrets, a Around) Planted {
	s["hash"] = a.Hash
	s["webhook"] = "whsec_" + base64.StdEncoding.EncodeToString([]byte(s.Of("webhook bytes")))
	keys := fmt.Sprintf(`url: "http://user:%s@%s/keys?token=%s"`, s.Of("jwt-user"), a.Down, s.Of("jwt-query"))
	if a.Shared {
		keys = "secret: " + s.Of("jwt")
	}
	return Planted{
		WebRTC: fmt.Sprintf(`turn: {urls: ["turn:%s"], secret: %s}`, a.Down, s.Of("turn")),
		Access: fmt.Sprintf(`users: [{name: declared, hash: %q, scope: admin}], jwt: {%s, audience: weir}, hook: {url: "http://user:%s@%s/ask?key=%s", timeout: 1s, cache: 0s}`,
			a.Hash, keys, s.Of("hook-user"), a.Down, s.Of("hook-query")),
		Server: fmt.Sprintf("  outgoing: {allow: [127.0.0.1]}\n  webhooks: [{url: \"http://user:%s@%s/in?token=%s\", secret: %q}]\n",
			s.Of("webhook-user"), a.Down, s.Of("webhook-query"), s["webhook"]),
		Pipelines: fmt.Sprintf(`
  live/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: %s, keys: [%s]}}
      hls: {use: outputs/hls, from: cam}
  web/{name}:
    stages:
      cam: {use: ingest/whip, with: {key: %s, keys: [%s]}}
      hls: {use: outputs/hls, from: cam}
`, s.Of("rtmp-key"), s.Of("rtmp-key-2"), s.Of("whip-key"), s.Of("whip-key-2")) + show(s, a),
	}
}

// show is the stream that plays, with outputs that fail.
func show(s Secrets, a Around) string {
	return fmt.Sprintf(`
  show/a:
    when: always
    stages:
      clip: {use: ingest/file, with: {path: h264-aac.mp4, loop: true}}
      hls: {use: outputs/hls, from: clip, with: {segment: 1s}}
      watch: {use: outputs/whep, from: clip}
      push: {use: outputs/rtmp, from: clip, with: {url: "rtmp://%s/app", key: %s, backup_url: "rtmp://%s/app?x=%s", backup_key: %s}}
      whole: {use: outputs/rtmp, from: clip, with: {url: "rtmp://%s/app/%s"}}
      kept:
        use: record
        from: clip
        with:
          spool: %q
          store: {s3: {endpoint: %q, bucket: shows, region: eu, style: path, access_key: %s, secret_key: %s, session_token: %s}}
          split: {every: 1m}
`, a.Down, s.Of("push-key"), a.Down, s.Of("push-query"), s.Of("backup-key"), a.Down, s.Of("push-path"),
		a.Spool, a.Refusing, s.Of("s3-access"), s.Of("s3-secret"), s.Of("s3-session"))
}
