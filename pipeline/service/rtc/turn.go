package rtc

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Links are the values of Link headers that tell a peer about STUN and TURN servers
// (RFC 9725 section 4.6). Credentials are good for TURN.Life from now on.
func (s *Server) Links(now time.Time) []string {
	var links []string
	for _, server := range s.config.STUN {
		links = append(links, fmt.Sprintf(`<stun:%s>; rel="ice-server"`, server))
	}
	t := s.config.TURN
	if len(t.URLs) == 0 {
		return links
	}
	life := t.Life
	if life <= 0 {
		life = DefaultTURNLife
	}
	user := strconv.FormatInt(now.Add(life).Unix(), 10) + ":weir"
	mac := hmac.New(sha1.New, []byte(t.Secret.Reveal()))
	mac.Write([]byte(user))
	password := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, url := range t.URLs {
		links = append(links, fmt.Sprintf(
			`<%s>; rel="ice-server"; username="%s"; credential="%s"; credential-type="password"`,
			strings.Trim(url, "<>"), user, password))
	}
	return links
}
