package load

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// client is one keep-alive HTTP/1.1 connection, one request at a time. It asks with
// the headers of a browser, and understands of the answer what is needed here.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	headers string
	request []byte
	space   []byte // for bodies
}

// maxBody bounds what is read as one body, in bytes.
const maxBody = 16 << 20

func dialHTTP(ctx context.Context, host, agent string) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return newClient(conn, host, agent), nil
}

func newClient(conn net.Conn, host, agent string) *client {
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 32<<10), headers: " HTTP/1.1\r\n" +
		"Host: " + host + "\r\n" +
		"Connection: keep-alive\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 load/" + agent + "\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"Accept: */*\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: cors\r\n" +
		"Sec-Fetch-Dest: empty\r\n" +
		"Referer: http://" + host + "/live/load\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\n\r\n"}
}

func (c *client) close() { _ = c.conn.Close() }

// body is a response's content, until the client's next request.
type body struct {
	bytes  []byte
	zipped bool
}

// text is the content without its encoding.
func (b body) text() (string, error) {
	if !b.zipped {
		return string(b.bytes), nil
	}
	r, err := gzip.NewReader(bytes.NewReader(b.bytes))
	if err != nil {
		return "", fmt.Errorf("unzip: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxBody))
	if err != nil {
		return "", fmt.Errorf("unzip: %w", err)
	}
	return string(text), nil
}

// get is the answer to a request. Anything but a 200 is an error.
func (c *client) get(path string) (body, error) {
	c.request = append(append(append(c.request[:0], "GET "...), path...), c.headers...)
	if _, err := c.conn.Write(c.request); err != nil {
		return body{}, fmt.Errorf("get %s: %w", path, err)
	}
	b, err := c.read()
	if err != nil {
		return b, fmt.Errorf("get %s: %w", path, err)
	}
	return b, nil
}

func (c *client) read() (body, error) {
	status, err := c.line()
	if err != nil {
		return body{}, err
	}
	ok := strings.HasPrefix(status, "HTTP/1.1 200 ")
	length, zipped := -1, false
	for {
		line, err := c.line()
		if err != nil {
			return body{}, err
		}
		if line == "" {
			break
		}
		if n, is := strings.CutPrefix(line, "Content-Length: "); is {
			if length, err = strconv.Atoi(n); err != nil {
				return body{}, fmt.Errorf("content length: %w", err)
			}
		}
		zipped = zipped || line == "Content-Encoding: gzip"
	}
	if length < 0 || length > maxBody {
		return body{}, fmt.Errorf("%s, with a content length of %d", status, length)
	}
	if cap(c.space) < length {
		c.space = make([]byte, length)
	}
	b := body{c.space[:length], zipped}
	if _, err := io.ReadFull(c.in, b.bytes); err != nil {
		return b, err
	}
	if !ok {
		return b, fmt.Errorf("%s: %.200s", status, b.bytes)
	}
	return b, nil
}

// line is the next line of a header. It is only good for comparing and parsing.
func (c *client) line() (string, error) {
	b, err := c.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errors.New("a header of more than 32 KiB")
	}
	return string(bytes.TrimRight(b, "\r\n")), err
}
