package main

import (
	"time"

	"weir/control/api"
	"weir/control/desired"
)

// operate brings the configuration into force, as it may be changed from now on, and
// registers the operations that do so.
func (s *server) operate(src *source) error {
	var err error
	s.desired, err = desired.New(desired.Options{
		Name: src.name, Path: src.path, Read: src.read, Env: src.env, State: desired.StateFile(src.files()),
		Registry: s.registry, Apply: s.apply, Changed: s.watching.changed, Log: s.log,
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what to do
	}
	s.kept = newRecordings(s.services.depot, src.files(), s.log.With("service", "recordings"))
	api.Register(s.api, api.Options{
		Version: version(), Started: time.Now(), Host: s.host, Desired: s.desired, Registry: s.registry, Log: s.log,
		Addresses: s.addresses, Limits: s.capacity, Load: busy,
		Recorder: s.kept, Archive: s.kept, Observer: s.watching.observer, SetupNeeded: s.auth.SetupNeeded, Quota: s.auth.Outputs,
	})
	if err := s.desired.Begin(); err != nil {
		return err //nolint:wrapcheck // it says what to do
	}
	s.kept.begin()
	return nil
}

func (s *server) addresses() []api.Address {
	out := []api.Address{}
	for _, b := range s.bound {
		out = append(out, api.Address{Name: b.Name, Protocol: b.Protocol, Address: b.Addr().String()})
	}
	for _, l := range s.settings.Listeners() {
		if l.Name == "webrtc" {
			out = append(out, api.Address{Name: l.Name, Protocol: l.Protocol, Address: l.Network + " " + l.Address})
		}
	}
	return out
}

func (s *server) capacity() (all []api.Limit) {
	for _, l := range s.limits() {
		all = append(all, api.Limit{Limit: l.name, Current: l.current, Max: l.max})
	}
	return all
}
