package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
)

// Who guesses passwords is slowed down by address and by user, and others are not.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		d.setUp(t)
		try := func(remote, user, password string) int {
			status, _, _ := d.ask(call{method: "POST", url: "/session", remote: remote, body: map[string]string{"user": user, "password": password}})
			return status
		}
		guesses := 0
		for range 15 {
			if try(there, "eve", "guess") == 401 {
				guesses++
			}
		}
		if guesses != 10 {
			t.Errorf("%d guesses from one address", guesses)
		}
		if try(there, "ann", goodPassword) != 429 {
			t.Error("the address need not wait")
		}
		if try("198.51.100.1:1", "ann", goodPassword) != 200 {
			t.Error("others must wait")
		}
		time.Sleep(11 * time.Second)
		if try(there, "ann", goodPassword) != 200 {
			t.Error("it must wait for too long")
		}
		// From many addresses, even those of one IPv6 network.
		guesses = 0
		for n := range 30 {
			if try(fmt.Sprintf("198.51.100.%d:1", n+2), "ann", "guess") == 401 {
				guesses++
			}
		}
		if guesses > 21 {
			t.Errorf("%d guesses of one user's password", guesses)
		}
		guesses = 0
		for n := range 15 {
			if try(fmt.Sprintf("[2001:db8::%x]:1", n+1), fmt.Sprint("user", n), "guess") == 401 {
				guesses++
			}
		}
		if guesses != 10 {
			t.Errorf("%d guesses from one IPv6 network", guesses)
		}
	})
}

// A day of guessing as fast as one may, and the rate is still the same.
func TestBrakesDoNotWearOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, taken := newBrake(10, 10*time.Second), 0
		for range 24 * 60 * 60 {
			time.Sleep(time.Second)
			for b.take("eve") {
				taken++
			}
		}
		if taken > 10+24*360 {
			t.Error(taken)
		}
	})
}

func TestDoorsAreBraked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		keys := []pipeline.Secret{secretOf("short")}
		try := func(ip, key string) access.Why {
			_, err := d.Allow(t.Context(), access.Request{Action: access.Publish, Path: "live/a", Remote: netip.MustParseAddr(ip), Token: secretOf(key), Keys: keys})
			return whyOf(err)
		}
		wrong := 0
		for range 100 {
			if try("192.0.2.7", "guess") == access.Wrong {
				wrong++
			}
		}
		if wrong != 30 || try("192.0.2.7", "short") != access.Limited || try("192.0.2.8", "short") != "" {
			t.Error(wrong)
		}
		time.Sleep(3 * time.Second)
		if why := try("192.0.2.7", "short"); why != "" {
			t.Error(why)
		}
	})
}

func TestBrakesRememberOnlySoMany(t *testing.T) {
	b := newBrake(2, time.Hour)
	for n := range maxBraked + 100 {
		b.take(fmt.Sprint(n))
	}
	if len(b.left) > maxBraked {
		t.Error(len(b.left))
	}
}
