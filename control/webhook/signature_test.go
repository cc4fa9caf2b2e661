package webhook

import (
	"testing"
	"time"

	"weir/pipeline"
)

// The vectors are those of the specification's own libraries.
func TestSignatures(t *testing.T) {
	for _, c := range []struct {
		secret, id string
		at         int64
		body, want string
	}{
		{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	} {
		key, err := keyOf(pipeline.NewSecret(c.secret))
		if err != nil {
			t.Fatal(err)
		}
		if got := sign(key, c.id, time.Unix(c.at, 0), []byte(c.body)); got != c.want {
			t.Error(got)
		}
	}
	if key, err := keyOf(NewSecret()); err != nil || len(key) != 32 {
		t.Error(key, err)
	}
}
