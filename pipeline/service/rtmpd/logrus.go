package rtmpd

import (
	"errors"
	"io"
	"strings"

	"github.com/sirupsen/logrus"
)

// libraryLogger is what the library logs to: nothing but its last words about a
// connection are looked at, and those only for a panic that it caught.
func libraryLogger(caught func(any) error) *logrus.Logger {
	return &logrus.Logger{
		Out:       io.Discard,
		Formatter: mute{},
		Hooks:     logrus.LevelHooks{logrus.ErrorLevel: {panicHook(func(text string) { _ = caught(errors.New(text)) })}},
		Level:     logrus.ErrorLevel,
	}
}

// mute formats to nothing.
type mute struct{}

func (mute) Format(*logrus.Entry) ([]byte, error) { return nil, nil }

// panicHook is called with entries that tell of a panic.
type panicHook func(text string)

// Levels is the only level at which the library tells of panics.
func (panicHook) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel} }

// Fire looks for a panic. The library wraps one in an error with a stack and
// prints it with the stack, in which the runtime's function has a line of its own.
// What peers sent is only ever printed quoted, so it cannot look like that.
func (h panicHook) Fire(e *logrus.Entry) error {
	if strings.Contains(e.Message, "\nruntime.gopanic\n") {
		h(e.Message)
	}
	return nil
}
