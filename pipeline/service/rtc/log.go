package rtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// loggers makes pion's loggers write to ours. What pion warns of is mostly what peers
// do to themselves; it is for those who look closely.
type loggers struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l loggers) NewLogger(scope string) logging.LeveledLogger {
	return logger{l.log.With("pion", scope)}
}

type logger struct{ log *slog.Logger }

func (l logger) say(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		if len(args) > 0 {
			format = fmt.Sprintf(format, args...)
		}
		l.log.Debug(format)
	}
}

// Trace and its siblings implement logging.LeveledLogger.

func (l logger) Trace(string)                      {}
func (l logger) Tracef(string, ...any)             {}
func (l logger) Debug(string)                      {}
func (l logger) Debugf(string, ...any)             {}
func (l logger) Info(msg string)                   { l.say(msg) }
func (l logger) Infof(format string, args ...any)  { l.say(format, args...) }
func (l logger) Warn(msg string)                   { l.say(msg) }
func (l logger) Warnf(format string, args ...any)  { l.say(format, args...) }
func (l logger) Error(msg string)                  { l.say(msg) }
func (l logger) Errorf(format string, args ...any) { l.say(format, args...) }
